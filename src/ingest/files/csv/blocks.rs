//! The text of a CSV file in blocks of whole records, which can be read apart.

use std::io::Read;

use memchr::{memchr, memrchr};

/// Reads blocks one after the other; the lengths of records do not matter.
pub struct Blocks<R> {
    reader: R,
    delimiter: u8,
    size: usize,
    /// The beginning of a record that does not end in the last block.
    rest: Vec<u8>,
    is_done: bool,
}

/// What came of the text.
pub enum Block {
    /// Whole records.
    Records(Vec<u8>),
    /// A record longer than the limit.
    TooLong,
    /// The end of the text is inside quotes.
    Unclosed,
}

impl<R: Read> Blocks<R> {
    /// Blocks of about `size` bytes.
    pub fn new(reader: R, delimiter: u8, size: usize) -> Self {
        Self { reader, delimiter, size, rest: Vec::new(), is_done: false }
    }

    /// The next block, none at the end. A block grows until a record ends in it, or to the limit.
    pub fn next(&mut self, longest: usize) -> std::io::Result<Option<Block>> {
        let mut block = std::mem::take(&mut self.rest);
        loop {
            if !self.is_done {
                let wanted = self.size.max(block.len());
                let read = self.reader.by_ref().take(wanted as u64).read_to_end(&mut block)?;
                self.is_done = read < wanted;
            }
            if self.is_done {
                let is_closed = last_record(&block, self.delimiter).is_closed;
                return Ok(match (is_closed, block.is_empty()) {
                    (false, _) => Some(Block::Unclosed),
                    (true, false) => Some(Block::Records(block)),
                    (true, true) => None,
                });
            }
            if let Some(end) = last_record(&block, self.delimiter).start {
                self.rest = block.split_off(end);
                return Ok(Some(Block::Records(block)));
            }
            if block.len() > longest {
                return Ok(Some(Block::TooLong));
            }
        }
    }
}

/// The last record of a text, which may go on.
#[derive(Debug, PartialEq, Eq)]
pub struct LastRecord {
    /// Where it starts, behind the last record that ends for certain; none where no record does.
    pub start: Option<usize>,
    /// Whether it has no open quote, if the text ends here.
    pub is_closed: bool,
}

/// Looks at text that begins with a record. A quote opens a field only at its beginning, and a doubled one does not close
/// it.
pub fn last_record(text: &[u8], delimiter: u8) -> LastRecord {
    let (mut start, mut outside) = (None, 0);
    loop {
        let mut from = outside;
        let opened = loop {
            let Some(found) = memchr(b'"', &text[from..]) else { break None };
            let quote = from + found;
            if quote == 0 || [delimiter, b'\n', b'\r'].contains(&text[quote - 1]) {
                break Some(quote);
            }
            from = quote + 1;
        };
        let plain = &text[outside..opened.unwrap_or(text.len())];
        start = memrchr(b'\n', plain).map(|line_end| outside + line_end + 1).or(start);
        let Some(opened) = opened else { return LastRecord { start, is_closed: true } };
        let mut from = opened + 1;
        outside = loop {
            let Some(found) = memchr(b'"', &text[from..]) else { return LastRecord { start, is_closed: false } };
            let quote = from + found;
            match text.get(quote + 1) {
                Some(b'"') => from = quote + 2,
                Some(_) => break quote + 1,
                // The next byte of the text, if there is one, may be another quote.
                None => return LastRecord { start, is_closed: true },
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::records::walk;
    use super::*;

    fn records(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let mut found = Vec::new();
        let visit = &mut |_: u64, fields: &[&[u8]]| {
            found.push(fields.iter().map(|field| field.to_vec()).collect());
            true
        };
        walk(text, b';', visit).expect("memory can be read");
        found
    }

    #[test]
    fn quotes_within_fields_open_nothing_and_doubled_ones_close_nothing() {
        let of = |text: &[u8]| {
            let last = last_record(text, b';');
            (last.start, last.is_closed)
        };
        assert_eq!(of(b"a;5\" disk\nb;\"x\ny\nz"), (Some(10), false));
        assert_eq!(of(b"\"a\"\"\n\"\nb"), (Some(7), true));
        assert_eq!(of(b"\"\"\"\n"), (None, false));
        assert_eq!(of(b"\"a\""), (None, true));
        assert_eq!(of(b"\"a\"\""), (None, false));
        assert_eq!(of(b""), (None, true));
    }

    proptest! {
        #[test]
        fn blocks_hold_the_records_of_the_whole(text in "[ab\";\n\r]{0,60}", size in 1_usize..20) {
            let mut blocks = Blocks::new(text.as_bytes(), b';', size);
            let (mut found, mut whole) = (Vec::new(), Vec::new());
            while let Some(block) = blocks.next(usize::MAX).expect("memory can be read") {
                let Block::Records(block) = block else {
                    prop_assert!(!last_record(text.as_bytes(), b';').is_closed);
                    return Ok(());
                };
                found.extend(records(&block));
                whole.extend(block);
            }
            prop_assert!(last_record(text.as_bytes(), b';').is_closed);
            prop_assert_eq!(whole, text.as_bytes());
            prop_assert_eq!(found, records(text.as_bytes()));
        }
    }
}
