//! Messages that show the place of the text that they are about.

use std::ops::Range;

/// A message with the line of the text that it is about, and carets under the span.
pub fn show(text: &str, span: &Range<usize>, message: &str) -> String {
    const BEFORE: usize = 60;
    const AFTER: usize = 40;
    let line_start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[span.start..].find('\n').map_or(text.len(), |at| span.start + at);
    let before: Vec<char> = text[line_start..span.start].chars().collect();
    let marked: Vec<char> = text[span.start..span.end.clamp(span.start, line_end)].chars().collect();
    let after: Vec<char> = text[span.start..line_end].chars().collect();
    let cut = before.len().saturating_sub(BEFORE);
    let mut line = String::from(if cut > 0 { "…" } else { "" });
    line.extend(before[cut..].iter().chain(after.iter().take(AFTER)));
    if after.len() > AFTER {
        line.push('…');
    }
    // A control character would move the caret.
    let line = line.replace(char::is_control, " ");
    let indent = " ".repeat(before.len() - cut + usize::from(cut > 0));
    let carets = "^".repeat(marked.len().clamp(1, AFTER));
    format!("{message}\n  {}\n  {indent}{carets}", line.trim_end())
}
