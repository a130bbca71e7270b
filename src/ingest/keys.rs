//! Keys that identify a customer exactly, and the hash that places one: the same for the same id, whatever the
//! Arrow type, the chunking or the order of the rows.

/// An exact or verified key of a customer.
pub trait Key: Copy + Eq + Send + Sync + 'static {
    /// A hash for the local dictionary.
    fn local_hash(self) -> u64;
}

impl Key for u64 {
    #[inline(always)]
    fn local_hash(self) -> u64 {
        mix(self, MULTIPLIER)
    }
}

impl Key for [u64; 2] {
    #[inline(always)]
    fn local_hash(self) -> u64 {
        mix(self[0] ^ MULTIPLIER, self[1] ^ INCREMENT)
    }
}

// Odd constants with well-spread bits (digits of the golden ratio, of e and of pi).
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
const INCREMENT: u64 = 0xB7E1_5162_8AED_2A6B;
const THIRD: u64 = 0x243F_6A88_85A3_08D3;

#[inline(always)]
fn mix(left: u64, right: u64) -> u64 {
    let product = u128::from(left ^ THIRD) * u128::from(right ^ INCREMENT);
    (product as u64) ^ ((product >> 64) as u64)
}

/// The canonical hash of an integer id.
#[inline(always)]
pub fn hash_integer(id: i64) -> u64 {
    mix(mix(id as u64, MULTIPLIER), INCREMENT ^ 8)
}

/// The canonical hash of up to 16 bytes.
#[inline(always)]
pub fn hash_short(bytes: u128, length: usize) -> u64 {
    mix(mix(bytes as u64, (bytes >> 64) as u64 ^ MULTIPLIER), length as u64 ^ THIRD)
}

/// The canonical hash of a text id.
#[inline]
pub fn hash_text(bytes: &[u8]) -> u64 {
    match bytes.len() {
        0..=16 => hash_short(load(bytes), bytes.len()),
        36 => parse_uuid(bytes).map_or_else(|| hash_long(bytes, 0), hash_uuid),
        _ => hash_long(bytes, 0),
    }
}

/// The canonical hash of a UUID, as text or as bytes.
#[inline(always)]
pub fn hash_uuid(bits: [u64; 2]) -> u64 {
    hash_short(u128::from(bits[0]) | u128::from(bits[1]) << 64, 36)
}

/// A hash of a long text with a seed: two seeds make an independent pair.
pub fn hash_long(bytes: &[u8], seed: u64) -> u64 {
    let mut state = seed ^ MULTIPLIER;
    for chunk in bytes.chunks(16) {
        let word = load(chunk);
        state = mix(word as u64 ^ state, (word >> 64) as u64 ^ MULTIPLIER.rotate_left(17));
    }
    mix(state, bytes.len() as u64)
}

/// Up to 16 bytes as a little-endian number, by overlapping loads instead of a byte loop.
#[inline(always)]
pub fn load(bytes: &[u8]) -> u128 {
    let length = bytes.len();
    if let Some(low) = bytes.first_chunk::<8>() {
        let low = u64::from_le_bytes(*low);
        let head = if length > 16 { &bytes[..16] } else { bytes };
        let high = head.last_chunk::<8>().map_or(0, |high| u64::from_le_bytes(*high));
        // The two loads overlap by 16 - length bytes.
        let high = high.checked_shr(8 * (16 - head.len()) as u32).unwrap_or(0);
        u128::from(low) | (u128::from(high) << 64)
    } else if let (Some(low), Some(high)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (low, high) = (u32::from_le_bytes(*low), u32::from_le_bytes(*high));
        u128::from(u64::from(low) | (u64::from(high) << (8 * (length - 4))))
    } else {
        // At most three bytes: first, middle and last, which may be the same one.
        match bytes {
            [] => 0,
            [first, ..] => {
                let middle = u64::from(bytes[length / 2]) << (8 * (length / 2));
                let last = u64::from(bytes[length - 1]) << (8 * (length - 1));
                u128::from(u64::from(*first) | middle | last)
            }
        }
    }
}

/// A canonical UUID text (36 characters, lower case, hyphens) as its 128 bits.
#[inline]
pub fn parse_uuid(text: &[u8]) -> Option<[u64; 2]> {
    if text.len() != 36 || text[8] != b'-' || text[13] != b'-' || text[18] != b'-' || text[23] != b'-' {
        return None;
    }
    let mut bits = 0_u128;
    let mut bad = 0_u8;
    for range in [0..8, 9..13, 14..18, 19..23, 24..36] {
        for &byte in &text[range] {
            let digit = HEX[byte as usize];
            bad |= digit;
            bits = (bits << 4) | u128::from(digit & 0xF);
        }
    }
    (bad & 0xF0 == 0).then_some([(bits >> 64) as u64, bits as u64])
}

/// The text of a UUID.
pub fn format_uuid(bits: [u64; 2]) -> String {
    let (high, low) = (bits[0], bits[1]);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xFFFF,
        high & 0xFFFF,
        low >> 48,
        low & 0xFFFF_FFFF_FFFF
    )
}

/// Value of a lower-case hexadecimal digit, 0xF0 for anything else.
const HEX: [u8; 256] = {
    let mut table = [0xF0; 256];
    let mut digit = 0;
    while digit < 16 {
        table[if digit < 10 { b'0' + digit } else { b'a' + digit - 10 } as usize] = digit;
        digit += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loading_bytes_gives_the_little_endian_number_for_every_length() {
        let text = b"abcdefghijklmnop";
        for length in 0..=16 {
            let mut padded = [0_u8; 16];
            padded[..length].copy_from_slice(&text[..length]);
            assert_eq!(load(&text[..length]), u128::from_le_bytes(padded), "length {length}");
        }
    }

    #[test]
    fn a_uuid_survives_the_round_trip_and_other_texts_are_refused() {
        let text = "0123abcd-4567-89ef-0123-456789abcdef";
        assert_eq!(parse_uuid(text.as_bytes()).map(format_uuid).as_deref(), Some(text));
        assert!(parse_uuid(text.to_uppercase().as_bytes()).is_none());
        assert!(parse_uuid(b"0123abcd-4567-89ef-0123-456789abcdeg").is_none());
    }
}
