//! The records of a CSV file one by one, with their lines: what errors and the search for the delimiter need.

use std::io::BufRead;

use csv_core::{ReadRecordResult, ReaderBuilder};

/// Calls `visit` with the line (from 1) where each record begins and its fields, until it says `false`.
pub fn walk(
    mut reader: impl BufRead,
    delimiter: u8,
    visit: &mut dyn FnMut(u64, &[&[u8]]) -> bool,
) -> std::io::Result<()> {
    let mut splitter = ReaderBuilder::new().delimiter(delimiter).build();
    let (mut text, mut ends) = (vec![0; 1 << 12], vec![0; 64]);
    let (mut line, mut begun) = (1, None);
    let (mut text_length, mut fields) = (0, 0);
    loop {
        let buffer = reader.fill_buf()?;
        if begun.is_none() {
            // Empty lines before a record are no part of it.
            let blank = buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if blank > 0 {
                line += count_lines(&buffer[..blank]);
                reader.consume(blank);
                continue;
            }
            begun = Some(line);
        }
        let (result, read, written, ended) =
            splitter.read_record(buffer, &mut text[text_length..], &mut ends[fields..]);
        line += count_lines(&buffer[..read]);
        reader.consume(read);
        (text_length, fields) = (text_length + written, fields + ended);
        match result {
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::OutputFull => text.resize(2 * text.len(), 0),
            ReadRecordResult::OutputEndsFull => ends.resize(2 * ends.len(), 0),
            ReadRecordResult::Record => {
                let starts = std::iter::once(0).chain(ends[..fields].iter().copied());
                let values: Vec<&[u8]> = starts.zip(&ends[..fields]).map(|(start, &end)| &text[start..end]).collect();
                if !visit(begun.take().unwrap_or(line), &values) {
                    return Ok(());
                }
                (text_length, fields) = (0, 0);
            }
            ReadRecordResult::End => return Ok(()),
        }
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_is_told_with_the_line_where_it_begins() {
        let text = "a,b\r\n\r\n1,\"two\nlines\"\n\n\nx\n\"\",y";
        let mut found = Vec::new();
        let visit = &mut |line: u64, fields: &[&[u8]]| {
            found.push((
                line,
                fields.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect::<Vec<_>>(),
            ));
            true
        };
        // A buffer of one byte is the hardest.
        walk(std::io::BufReader::with_capacity(1, text.as_bytes()), b',', visit).expect("memory");
        let texts: Vec<(u64, Vec<&str>)> =
            found.iter().map(|(line, fields)| (*line, fields.iter().map(String::as_str).collect())).collect();
        assert_eq!(texts, [(1, vec!["a", "b"]), (3, vec!["1", "two\nlines"]), (7, vec!["x"]), (8, vec!["", "y"])]);
    }
}
