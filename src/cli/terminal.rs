//! What is known of the terminal, and the line at its end that is drawn anew again and again.

use super::{Color, Global};
use std::io::{self, IsTerminal, Write, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

/// Where no terminal tells.
const USUAL_WIDTH: usize = 100;

/// Whether a status line stands at the cursor.
static HAS_STATUS: AtomicBool = AtomicBool::new(false);

/// To the start of the line, and nothing behind it.
const ERASE: &str = "\r\u{1b}[J";

pub(super) fn is_coloured(global: &Global) -> bool {
    match global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

/// Columns.
pub(super) fn width() -> usize {
    terminal_size::terminal_size().map_or(USUAL_WIDTH, |(width, _)| usize::from(width.0))
}

/// A status line, and how long it is.
#[derive(Debug, Default)]
pub(super) struct Status {
    columns: usize,
}

impl Status {
    /// Writes text above the status line, and draws that anew. Both go out at once, so that nothing flickers.
    /// `status` takes `columns`; it must not be as wide as the terminal.
    pub(super) fn draw(&mut self, above: &str, status: &str, columns: usize) -> io::Result<()> {
        let mut frame = self.erased();
        frame.push_str(above);
        frame.push_str(status);
        self.columns = columns;
        HAS_STATUS.store(true, Ordering::SeqCst);
        put(&frame)
    }

    /// Takes the line away, for others to write.
    pub(super) fn erase(&mut self) -> io::Result<()> {
        let frame = self.erased();
        self.columns = 0;
        HAS_STATUS.store(false, Ordering::SeqCst);
        put(&frame)
    }

    fn erased(&self) -> String {
        if self.columns == 0 {
            return String::new();
        }
        // A terminal that has become narrower has broken the line.
        let rows = self.columns.saturating_sub(1) / width().max(1);
        let up = if rows == 0 { String::new() } else { format!("\u{1b}[{rows}A") };
        format!("{up}{ERASE}")
    }
}

/// Leaves the terminal as it was found, whoever is drawing.
pub(super) fn leave() {
    if HAS_STATUS.swap(false, Ordering::SeqCst) {
        let _ = put(ERASE);
    }
}

/// Writes to standard output at once.
pub(super) fn put(text: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
