//! Dictionary codes of the narrowest width that holds them, and the names behind them.

use std::collections::HashMap;

use arrow::buffer::ScalarBuffer;

/// An unsigned integer that stands for a name.
pub trait Code: Copy + Default + Send + Sync + Ord + 'static {
    /// The position of the name in its [`Names`].
    fn index(self) -> usize;
    /// The code of a position; the position must fit.
    fn from_index(index: usize) -> Self;
    /// The first of these codes that is the one given.
    fn find(codes: &[Self], code: Self) -> Option<usize>;
}

macro_rules! code {
    ($($kind:ty: $find:expr),*) => {$(
        impl Code for $kind {
            #[inline(always)]
            fn index(self) -> usize {
                self as usize
            }
            #[inline(always)]
            fn from_index(index: usize) -> Self {
                index as $kind
            }
            #[inline]
            fn find(codes: &[Self], code: Self) -> Option<usize> {
                $find(code, codes)
            }
        }
    )*};
}
code!(u8: memchr::memchr, u16: position, u32: position);

fn position<C: Code>(code: C, codes: &[C]) -> Option<usize> {
    codes.iter().position(|&other| other == code)
}

/// One code per event, in memory or in a mapped file.
#[derive(Debug, Clone)]
pub enum Codes {
    /// Up to 256 names.
    U8(ScalarBuffer<u8>),
    /// Up to 65,536 names.
    U16(ScalarBuffer<u16>),
    /// More.
    U32(ScalarBuffer<u32>),
}

/// Codes that are being written.
pub enum NewCodes {
    /// Up to 256 names.
    U8(Vec<u8>),
    /// Up to 65,536 names.
    U16(Vec<u16>),
    /// More.
    U32(Vec<u32>),
}

impl NewCodes {
    /// Zeros, in the width that `names` names need.
    pub fn zeros(names: usize, events: usize) -> Self {
        if names <= 1 << 8 {
            Self::U8(vec![0; events])
        } else if names <= 1 << 16 {
            Self::U16(vec![0; events])
        } else {
            Self::U32(vec![0; events])
        }
    }

    /// Codes in turn, in the width that `names` names need.
    pub fn collect(names: usize, codes: impl Iterator<Item = usize>) -> Self {
        if names <= 1 << 8 {
            Self::U8(codes.map(Code::from_index).collect())
        } else if names <= 1 << 16 {
            Self::U16(codes.map(Code::from_index).collect())
        } else {
            Self::U32(codes.map(Code::from_index).collect())
        }
    }
}

impl From<NewCodes> for Codes {
    fn from(codes: NewCodes) -> Self {
        match codes {
            NewCodes::U8(codes) => Self::U8(codes.into()),
            NewCodes::U16(codes) => Self::U16(codes.into()),
            NewCodes::U32(codes) => Self::U32(codes.into()),
        }
    }
}

/// Runs an expression with the typed slice of a [`Codes`]: `with_codes!(codes, slice => expression)`.
#[macro_export]
macro_rules! with_codes {
    ($codes:expr, $slice:ident => $body:expr) => {
        match $codes {
            $crate::log::Codes::U8($slice) => $body,
            $crate::log::Codes::U16($slice) => $body,
            $crate::log::Codes::U32($slice) => $body,
        }
    };
}

impl Codes {
    /// The code at one event.
    pub fn get(&self, event: usize) -> usize {
        with_codes!(self, codes => codes[event].index())
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        with_codes!(self, codes => codes.len())
    }

    /// No events at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory in bytes.
    pub fn bytes(&self) -> usize {
        with_codes!(self, codes => std::mem::size_of_val(&codes[..]))
    }

    /// How often each of `names` codes occurs.
    pub fn counts(&self, names: usize) -> Vec<u64> {
        let mut counts = vec![0_u64; names];
        with_codes!(self, codes => codes.iter().for_each(|code| counts[code.index()] += 1));
        counts
    }
}

/// Distinct names in alphabetical order, so that a code does not depend on the order of the rows.
#[derive(Debug, Clone, Default)]
pub struct Names {
    sorted: Vec<String>,
    codes: HashMap<String, u32, foldhash::fast::FixedState>,
}

impl Names {
    /// The names in alphabetical order, each once.
    pub fn new(mut names: Vec<String>) -> Self {
        names.sort_unstable();
        names.dedup();
        let codes = names.iter().enumerate().map(|(code, name)| (name.clone(), code as u32)).collect();
        Self { sorted: names, codes }
    }

    /// The code of a name.
    pub fn code(&self, name: &str) -> Option<usize> {
        self.codes.get(name).map(|&code| code as usize)
    }

    /// The name of a code.
    pub fn name(&self, code: usize) -> &str {
        &self.sorted[code]
    }

    /// All names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.sorted.iter().map(String::as_str)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }
}
