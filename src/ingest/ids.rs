//! Customer ids: each Arrow form takes the shortest path to a key that is exact, or verified byte by byte.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, GenericStringArray, Int64Array, OffsetSizeTrait, StringArray,
    StringBuilder, StringViewArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, UInt64Type};

use super::coded::memory_of;
use super::keys::{self, Key};
use crate::error::{Error, Result};

/// What a row says of its customer.
pub enum Id<K> {
    /// A key, and the hash that places the customer.
    Customer(K, u64),
    /// Null or blank.
    Missing,
    /// The chosen form of key cannot hold this id: the column must be read another way.
    Unfit,
}

/// A column of ids read in one way.
pub trait Ids: Sync {
    /// What identifies a customer.
    type Key: Key;
    /// Equal keys may still be different ids: compare with [`Ids::same`].
    fn must_verify(&self) -> bool {
        false
    }
    /// The id of a row.
    fn id(&self, slice: usize, index: usize) -> Id<Self::Key>;
    /// The canonical hash of a customer.
    fn hash(&self, key: Self::Key) -> u64;
    /// Whether two rows (slice, index) hold the same bytes.
    fn same(&self, left: (usize, usize), right: (usize, usize)) -> bool;
    /// The ids of customers, given their keys and the place (slice, index) of one row of each.
    fn labels(&self, customers: &[(Self::Key, (usize, usize))]) -> Result<ArrayRef>;
}

/// Groups rows by their customers, whatever the form of the ids.
pub trait Grouper {
    /// What comes of it.
    type Out;
    /// Groups the rows; `read` makes of chunks, each a slice, the column of ids. `None` where an id does not fit the
    /// form of key.
    fn group<I: Ids>(
        &self,
        chunks: &[ArrayRef],
        read: impl Fn(&[ArrayRef]) -> Result<I> + Sync,
    ) -> Result<Option<Self::Out>>;
}

/// Groups by the key that suits the ids of these chunks: all of them, or some that the others are like.
pub fn grouped<G: Grouper>(chunks: &[ArrayRef], name: &str, grouper: &G) -> Result<Option<G::Out>> {
    let data_type = chunks.first().map_or(&DataType::Null, |chunk| chunk.data_type());
    match data_type {
        DataType::Utf8 => by_text(chunks, plain::<i32>, grouper),
        DataType::LargeUtf8 => by_text(chunks, plain::<i64>, grouper),
        DataType::Utf8View => by_text(chunks, |chunk| chunk.as_string_view().clone(), grouper),
        DataType::Dictionary(_, value) if super::times::is_text(value) => grouper.group(chunks, Dictionary::read),
        DataType::FixedSizeBinary(16) => grouper.group(chunks, |chunks| {
            Ok(Uuids { slices: chunks.iter().map(|chunk| chunk.as_fixed_size_binary().clone()).collect() })
        }),
        DataType::Dictionary(_, value) => grouped(&all_cast(chunks, value)?, name, grouper),
        DataType::Null => grouped(&all_cast(chunks, &DataType::Utf8)?, name, grouper),
        _ => {
            let data_type = data_type.clone();
            grouper.group(chunks, move |chunks| Integers::of(chunks, &data_type, name))
        }
    }
}

fn all_cast(chunks: &[ArrayRef], data_type: &DataType) -> Result<Vec<ArrayRef>> {
    Ok(chunks.iter().map(|chunk| cast(chunk, data_type)).collect::<std::result::Result<_, _>>()?)
}

fn plain<O: OffsetSizeTrait>(chunk: &ArrayRef) -> Plain<O> {
    Plain::of(chunk.as_string::<O>())
}

/// Tries the key that a sample of the ids suggests, then wider ones. Which one fits depends on the set of ids alone.
fn by_text<S: Strings, G: Grouper>(
    chunks: &[ArrayRef],
    strings: impl Fn(&ArrayRef) -> S + Sync + Copy,
    grouper: &G,
) -> Result<Option<G::Out>> {
    let sample = Sample::of(&chunks.iter().map(strings).collect::<Vec<S>>());
    if sample.all_uuids
        && let Some(built) = by_form(chunks, strings, UuidText, grouper)?
    {
        return Ok(Some(built));
    }
    if sample.longest - sample.prefix.len() <= 7
        && let Some(built) = by_form(chunks, strings, Inline64(Prefix::new(sample.prefix.clone())), grouper)?
    {
        return Ok(Some(built));
    }
    // Short ids need no prefix here, and an unusual one then still fits.
    let prefix = if sample.longest <= 15 { Vec::new() } else { sample.prefix };
    if sample.longest - prefix.len() <= 15
        && let Some(built) = by_form(chunks, strings, Inline128(Prefix::new(prefix)), grouper)?
    {
        return Ok(Some(built));
    }
    by_form(chunks, strings, Hashed, grouper)
}

fn by_form<S: Strings, F: TextForm + Send, G: Grouper>(
    chunks: &[ArrayRef],
    strings: impl Fn(&ArrayRef) -> S + Sync,
    form: F,
    grouper: &G,
) -> Result<Option<G::Out>> {
    let form = Arc::new(form);
    grouper.group(chunks, |chunks| Ok(Texts { slices: chunks.iter().map(&strings).collect(), form: Arc::clone(&form) }))
}

struct Integers {
    slices: Vec<(ScalarBuffer<i64>, Option<NullBuffer>)>,
    data_type: DataType,
}

impl Integers {
    fn of(chunks: &[ArrayRef], data_type: &DataType, name: &str) -> Result<Self> {
        if data_type.is_integer() {
            Self::read(chunks, data_type)
        } else if data_type.is_floating() {
            Self::read_floats(chunks, name)
        } else {
            Err(Error::Type(format!(
                "column \"{name}\" has the type {data_type}, which cannot identify a customer; expected text, whole \
                 numbers, or UUIDs of 16 bytes"
            )))
        }
    }

    fn read(chunks: &[ArrayRef], data_type: &DataType) -> Result<Self> {
        let mut slices = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            // The bits of a u64 are kept as they are, so that ids beyond i64 stay apart.
            let values = if data_type == &DataType::UInt64 {
                ScalarBuffer::from(chunk.as_primitive::<UInt64Type>().values().inner().clone())
            } else {
                cast(chunk, &DataType::Int64)?.as_primitive::<Int64Type>().values().clone()
            };
            slices.push((values, chunk.nulls().filter(|nulls| nulls.null_count() > 0).cloned()));
        }
        Ok(Self { slices, data_type: data_type.clone() })
    }

    /// Whole numbers stored as floats, as frames do where some are missing.
    fn read_floats(chunks: &[ArrayRef], name: &str) -> Result<Self> {
        let (mut slices, mut start) = (Vec::with_capacity(chunks.len()), 0);
        for chunk in chunks {
            let floats = cast(chunk, &DataType::Float64)?;
            let floats = floats.as_primitive::<Float64Type>();
            let mut values = Vec::with_capacity(floats.len());
            let mut valid = Vec::with_capacity(floats.len());
            for (index, value) in floats.iter().enumerate() {
                let value = value.filter(|value| !value.is_nan());
                if let Some(value) = value.filter(|value| value.fract() != 0.0 || value.abs() > 9_007_199_254_740_992.0)
                {
                    return Err(Error::Data(format!(
                        "column \"{name}\", row {}: {value} cannot identify a customer; ids stored as floats must be \
                         whole numbers up to 2^53 (convert the column to text or integers)",
                        start + index
                    )));
                }
                values.push(value.unwrap_or(0.0) as i64);
                valid.push(value.is_some());
            }
            start += floats.len();
            let nulls = NullBuffer::from(valid);
            slices.push((values.into(), (nulls.null_count() > 0).then_some(nulls)));
        }
        Ok(Self { slices, data_type: DataType::Int64 })
    }
}

impl Ids for Integers {
    type Key = u64;

    #[inline(always)]
    fn id(&self, slice: usize, index: usize) -> Id<u64> {
        let (values, nulls) = &self.slices[slice];
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(index)) {
            return Id::Missing;
        }
        Id::Customer(values[index] as u64, keys::hash_integer(values[index]))
    }

    #[inline(always)]
    fn same(&self, left: (usize, usize), right: (usize, usize)) -> bool {
        let value = |(slice, index): (usize, usize)| {
            let (values, nulls) = &self.slices[slice];
            nulls.as_ref().is_none_or(|nulls| nulls.is_valid(index)).then(|| values[index])
        };
        value(left) == value(right)
    }

    fn hash(&self, key: u64) -> u64 {
        keys::hash_integer(key as i64)
    }

    fn labels(&self, customers: &[(u64, (usize, usize))]) -> Result<ArrayRef> {
        if self.data_type == DataType::UInt64 {
            return Ok(Arc::new(arrow::array::UInt64Array::from_iter_values(customers.iter().map(|(key, _)| *key))));
        }
        let signed = Int64Array::from_iter_values(customers.iter().map(|(key, _)| *key as i64));
        Ok(cast(&signed, &self.data_type)?)
    }
}

struct Uuids {
    slices: Vec<FixedSizeBinaryArray>,
}

impl Ids for Uuids {
    type Key = [u64; 2];

    #[inline(always)]
    fn id(&self, slice: usize, index: usize) -> Id<Self::Key> {
        let array = &self.slices[slice];
        if array.is_null(index) {
            return Id::Missing;
        }
        let bytes = array.value(index);
        let half =
            |range: std::ops::Range<usize>| bytes[range].iter().fold(0, |word, &byte| (word << 8) | u64::from(byte));
        let key = [half(0..8), half(8..16)];
        Id::Customer(key, keys::hash_uuid(key))
    }

    #[inline(always)]
    fn same(&self, left: (usize, usize), right: (usize, usize)) -> bool {
        let bytes = |(slice, index): (usize, usize)| {
            let array = &self.slices[slice];
            array.is_valid(index).then(|| array.value(index))
        };
        bytes(left) == bytes(right)
    }

    fn hash(&self, key: Self::Key) -> u64 {
        keys::hash_uuid(key)
    }

    fn labels(&self, customers: &[(Self::Key, (usize, usize))]) -> Result<ArrayRef> {
        Ok(Arc::new(StringArray::from_iter_values(customers.iter().map(|(key, _)| keys::format_uuid(*key)))))
    }
}

/// Text ids behind an Arrow dictionary: the key is the hash of the text, made unique when the dictionaries are read.
struct Dictionary {
    slices: Vec<DictionarySlice>,
    labels: HashMap<u64, String, foldhash::fast::FixedState>,
}

struct DictionarySlice {
    keys: ScalarBuffer<i32>,
    nulls: Option<NullBuffer>,
    /// Key → hash; `MISSING` for null and blank.
    table: Arc<Vec<u64>>,
}

const MISSING: u64 = 0;

impl Dictionary {
    fn read(chunks: &[ArrayRef]) -> Result<Self> {
        let mut labels = HashMap::<u64, String, foldhash::fast::FixedState>::default();
        let mut tables = HashMap::<Vec<usize>, Arc<Vec<u64>>>::new();
        let mut slices = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            let values = chunk.as_any_dictionary().values();
            let memory = memory_of(chunk);
            let table = if let Some(table) = tables.get(&memory) {
                Arc::clone(table)
            } else {
                let texts = cast(values, &DataType::LargeUtf8)?;
                let hashes = texts.as_string::<i64>().iter().map(|text| unique_hash(text, &mut labels)).collect();
                let table = Arc::new(hashes);
                tables.insert(memory, Arc::clone(&table));
                table
            };
            let keys = cast(chunk.as_any_dictionary().keys(), &DataType::Int32)?;
            let keys = keys.as_primitive::<Int32Type>();
            let nulls = keys.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
            slices.push(DictionarySlice { keys: keys.values().clone(), nulls, table });
        }
        Ok(Self { slices, labels })
    }
}

fn unique_hash(text: Option<&str>, labels: &mut HashMap<u64, String, foldhash::fast::FixedState>) -> u64 {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return MISSING };
    let mut hash = keys::hash_text(text.as_bytes()).max(MISSING + 1);
    loop {
        match labels.get(&hash) {
            None => {
                labels.insert(hash, text.to_owned());
                return hash;
            }
            Some(known) if known == text => return hash,
            Some(_) => hash = hash.wrapping_add(1).max(MISSING + 1),
        }
    }
}

impl Ids for Dictionary {
    type Key = u64;

    #[inline(always)]
    fn id(&self, slice: usize, index: usize) -> Id<u64> {
        let slice = &self.slices[slice];
        if slice.nulls.as_ref().is_some_and(|nulls| nulls.is_null(index)) {
            return Id::Missing;
        }
        match slice.table[slice.keys[index] as usize] {
            MISSING => Id::Missing,
            hash => Id::Customer(hash, hash),
        }
    }

    #[inline(always)]
    fn same(&self, left: (usize, usize), right: (usize, usize)) -> bool {
        let hash = |(slice, index): (usize, usize)| {
            let slice = &self.slices[slice];
            let valid = slice.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(index));
            if valid { slice.table[slice.keys[index] as usize] } else { MISSING }
        };
        hash(left) == hash(right)
    }

    fn hash(&self, key: u64) -> u64 {
        key
    }

    fn labels(&self, customers: &[(u64, (usize, usize))]) -> Result<ArrayRef> {
        Ok(Arc::new(customers.iter().map(|(key, _)| self.labels.get(key)).collect::<StringArray>()))
    }
}

/// The three Arrow forms of plain text.
pub trait Strings: Sync {
    /// Number of rows.
    fn len(&self) -> usize;
    /// The bytes of a row's text; none where it is null.
    fn bytes(&self, index: usize) -> &[u8];
}

/// Text behind offsets, without the null check where nothing is null.
struct Plain<O: OffsetSizeTrait> {
    offsets: OffsetBuffer<O>,
    data: Buffer,
    nulls: Option<NullBuffer>,
}

impl<O: OffsetSizeTrait> Plain<O> {
    fn of(array: &GenericStringArray<O>) -> Self {
        Self {
            offsets: array.offsets().clone(),
            data: array.values().clone(),
            nulls: array.nulls().filter(|nulls| nulls.null_count() > 0).cloned(),
        }
    }
}

impl<O: OffsetSizeTrait> Strings for Plain<O> {
    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    #[inline(always)]
    fn bytes(&self, index: usize) -> &[u8] {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(index)) {
            return &[];
        }
        &self.data[self.offsets[index].as_usize()..self.offsets[index + 1].as_usize()]
    }
}

impl Strings for StringViewArray {
    fn len(&self) -> usize {
        Array::len(self)
    }

    #[inline(always)]
    fn bytes(&self, index: usize) -> &[u8] {
        if self.is_null(index) { &[] } else { self.value(index).as_bytes() }
    }
}

/// The bytes came from a text array, so they are UTF-8.
fn text_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// What some rows, evenly spread, have in common.
struct Sample {
    prefix: Vec<u8>,
    longest: usize,
    all_uuids: bool,
}

impl Sample {
    const ROWS_PER_SLICE: usize = 256;

    fn of<S: Strings>(slices: &[S]) -> Self {
        let mut common: Option<&[u8]> = None;
        let (mut longest, mut all_uuids) = (0, true);
        for slice in slices {
            for index in (0..slice.len()).step_by((slice.len() / Self::ROWS_PER_SLICE).max(1)) {
                let bytes = slice.bytes(index);
                if bytes.is_empty() {
                    continue;
                }
                longest = longest.max(bytes.len());
                all_uuids &= keys::parse_uuid(bytes).is_some();
                let before = common.unwrap_or(bytes);
                let shared = before.iter().zip(bytes).take_while(|(a, b)| a == b).count();
                common = Some(&before[..shared]);
            }
        }
        let prefix = common.unwrap_or_default().to_vec();
        Self { prefix, longest, all_uuids: all_uuids && longest == 36 }
    }
}

/// How a text becomes a key.
trait TextForm: Sync {
    type Key: Key;
    const VERIFY: bool = false;
    /// Key and canonical hash of a text, `None` where this form cannot hold it.
    fn key(&self, text: &[u8]) -> Option<(Self::Key, u64)>;
    fn hash(&self, key: Self::Key) -> u64;
    /// Writes the text of a key; `false` where only the row knows it.
    fn write(&self, key: Self::Key, out: &mut Vec<u8>) -> bool;
}

struct Texts<S, F> {
    slices: Vec<S>,
    form: Arc<F>,
}

impl<S: Strings, F: TextForm + Send> Ids for Texts<S, F> {
    type Key = F::Key;

    fn must_verify(&self) -> bool {
        F::VERIFY
    }

    #[inline(always)]
    fn id(&self, slice: usize, index: usize) -> Id<F::Key> {
        let bytes = self.slices[slice].bytes(index);
        // Only a text that begins with a space or a non-ASCII character can be blank.
        if bytes.first().is_none_or(|&byte| byte <= b' ' || byte >= 0x80) && text_of(bytes).trim().is_empty() {
            return Id::Missing;
        }
        match self.form.key(bytes) {
            Some((key, hash)) => Id::Customer(key, hash),
            None => Id::Unfit,
        }
    }

    fn hash(&self, key: F::Key) -> u64 {
        self.form.hash(key)
    }

    #[inline(always)]
    fn same(&self, left: (usize, usize), right: (usize, usize)) -> bool {
        let (left, right) = (self.slices[left.0].bytes(left.1), self.slices[right.0].bytes(right.1));
        // Short texts are compared as numbers, without a call.
        left.len() == right.len()
            && if left.len() <= 16 { keys::load(left) == keys::load(right) } else { left == right }
    }

    fn labels(&self, customers: &[(F::Key, (usize, usize))]) -> Result<ArrayRef> {
        let mut labels = StringBuilder::with_capacity(customers.len(), customers.len() * 16);
        let mut buffer = Vec::new();
        for (key, (slice, index)) in customers {
            buffer.clear();
            if !self.form.write(*key, &mut buffer) {
                buffer.extend_from_slice(self.slices[*slice].bytes(*index));
            }
            labels.append_value(text_of(&buffer));
        }
        Ok(Arc::new(labels.finish()))
    }
}

/// A common prefix, and the number that its bytes make.
struct Prefix {
    bytes: Vec<u8>,
    word: u128,
    mask: u128,
}

impl Prefix {
    fn new(bytes: Vec<u8>) -> Self {
        let mask = 1_u128.checked_shl(8 * bytes.len() as u32).map_or(u128::MAX, |bit| bit - 1);
        Self { word: keys::load(&bytes), mask, bytes }
    }

    /// The part after the prefix as a number, its length, and the canonical hash of the whole.
    #[inline(always)]
    fn strip(&self, text: &[u8], most: usize) -> Option<(u128, usize, u64)> {
        let rest = text.len().checked_sub(self.bytes.len()).filter(|&rest| rest <= most)?;
        if text.len() <= 16 {
            let word = keys::load(text);
            let tail = word.checked_shr(8 * self.bytes.len() as u32).unwrap_or(0);
            return (word & self.mask == self.word).then(|| (tail, rest, keys::hash_short(word, text.len())));
        }
        text.starts_with(&self.bytes).then(|| (keys::load(&text[self.bytes.len()..]), rest, keys::hash_text(text)))
    }

    /// The canonical hash of the prefix and `length` bytes after it.
    fn hash(&self, tail: u128, length: usize) -> u64 {
        let whole = self.bytes.len() + length;
        if whole <= 16 {
            return keys::hash_short(self.word | tail.checked_shl(8 * self.bytes.len() as u32).unwrap_or(0), whole);
        }
        let mut text = Vec::with_capacity(whole);
        self.write(tail, length, &mut text);
        keys::hash_text(&text)
    }

    fn write(&self, tail: u128, length: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
        out.extend_from_slice(&tail.to_le_bytes()[..length]);
    }
}

/// Up to 7 bytes after a common prefix: bytes and length in one word.
struct Inline64(Prefix);

impl Inline64 {
    fn parts(key: u64) -> (u128, usize) {
        (u128::from(key & ((1 << 56) - 1)), (key >> 56) as usize)
    }
}

impl TextForm for Inline64 {
    type Key = u64;

    #[inline(always)]
    fn key(&self, text: &[u8]) -> Option<(u64, u64)> {
        let (tail, length, hash) = self.0.strip(text, 7)?;
        Some((tail as u64 | (length as u64) << 56, hash))
    }

    fn hash(&self, key: u64) -> u64 {
        let (tail, length) = Self::parts(key);
        self.0.hash(tail, length)
    }

    fn write(&self, key: u64, out: &mut Vec<u8>) -> bool {
        let (tail, length) = Self::parts(key);
        self.0.write(tail, length, out);
        true
    }
}

/// Up to 15 bytes after a common prefix: bytes and length in two words.
struct Inline128(Prefix);

impl Inline128 {
    fn parts(key: [u64; 2]) -> (u128, usize) {
        (u128::from(key[0]) | u128::from(key[1] & ((1 << 56) - 1)) << 64, (key[1] >> 56) as usize)
    }
}

impl TextForm for Inline128 {
    type Key = [u64; 2];

    #[inline(always)]
    fn key(&self, text: &[u8]) -> Option<([u64; 2], u64)> {
        let (tail, length, hash) = self.0.strip(text, 15)?;
        Some(([tail as u64, (tail >> 64) as u64 | (length as u64) << 56], hash))
    }

    fn hash(&self, key: [u64; 2]) -> u64 {
        let (tail, length) = Self::parts(key);
        self.0.hash(tail, length)
    }

    fn write(&self, key: [u64; 2], out: &mut Vec<u8>) -> bool {
        let (tail, length) = Self::parts(key);
        self.0.write(tail, length, out);
        true
    }
}

/// A canonical UUID text as its 128 bits.
struct UuidText;

impl TextForm for UuidText {
    type Key = [u64; 2];

    #[inline(always)]
    fn key(&self, text: &[u8]) -> Option<([u64; 2], u64)> {
        keys::parse_uuid(text).map(|key| (key, self.hash(key)))
    }

    #[inline(always)]
    fn hash(&self, key: [u64; 2]) -> u64 {
        keys::hash_uuid(key)
    }

    fn write(&self, key: [u64; 2], out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(keys::format_uuid(key).as_bytes());
        true
    }
}

/// Any text by a 128-bit hash; rows with equal hashes are compared byte by byte.
struct Hashed;

impl TextForm for Hashed {
    type Key = [u64; 2];
    const VERIFY: bool = true;

    #[inline(always)]
    fn key(&self, text: &[u8]) -> Option<([u64; 2], u64)> {
        let hash = keys::hash_text(text);
        Some(([hash, keys::hash_long(text, 1)], hash))
    }

    fn hash(&self, key: [u64; 2]) -> u64 {
        key[0]
    }

    fn write(&self, _key: [u64; 2], _out: &mut Vec<u8>) -> bool {
        false
    }
}

/// Ids of some rows in a form that stands by itself, and the canonical hash of each; none where there is no id.
pub struct Placed {
    /// Text, whole numbers or 16 bytes.
    pub column: ArrayRef,
    /// By row.
    pub hashes: Vec<Option<u64>>,
}

/// The ids of one chunk with their hashes.
pub fn placed(chunk: &ArrayRef, name: &str) -> Result<Placed> {
    let of_text =
        |text: Option<&str>| text.filter(|text| !text.trim().is_empty()).map(|text| keys::hash_text(text.as_bytes()));
    let (column, hashes) = match chunk.data_type() {
        DataType::Utf8 => (Arc::clone(chunk), chunk.as_string::<i32>().iter().map(of_text).collect()),
        DataType::Null | DataType::LargeUtf8 | DataType::Utf8View => {
            return placed(&cast(chunk, &DataType::Utf8)?, name);
        }
        DataType::Dictionary(_, value) => return placed(&cast(chunk, value)?, name),
        DataType::FixedSizeBinary(16) => {
            let half = |bytes: &[u8]| bytes.iter().fold(0, |word, &byte| (word << 8) | u64::from(byte));
            let hash = |bytes: &[u8]| keys::hash_uuid([half(&bytes[..8]), half(&bytes[8..])]);
            (Arc::clone(chunk), chunk.as_fixed_size_binary().iter().map(|bytes| bytes.map(hash)).collect())
        }
        other => {
            // The same refusals and the same conversions as in memory.
            let Integers { mut slices, data_type } = Integers::of(std::slice::from_ref(chunk), other, name)?;
            let (values, nulls) = slices.swap_remove(0);
            let hash = |row: usize| {
                let missing = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
                (!missing).then(|| keys::hash_integer(values[row]))
            };
            let hashes = (0..values.len()).map(hash).collect();
            let column = if &data_type == other {
                Arc::clone(chunk)
            } else {
                Arc::new(Int64Array::new(values.clone(), nulls.clone()))
            };
            (column, hashes)
        }
    };
    Ok(Placed { column, hashes })
}

/// Ids as a log has them: text or whole numbers; null where there is none.
pub fn plain_ids(column: &ArrayRef, name: &str) -> Result<ArrayRef> {
    match column.data_type() {
        DataType::Null | DataType::LargeUtf8 | DataType::Utf8View => Ok(cast(column, &DataType::Utf8)?),
        DataType::Dictionary(_, value) => plain_ids(&cast(column, value)?, name),
        DataType::FixedSizeBinary(16) => {
            let half = |bytes: &[u8]| bytes.iter().fold(0, |word, &byte| (word << 8) | u64::from(byte));
            let text = |bytes: &[u8]| keys::format_uuid([half(&bytes[..8]), half(&bytes[8..])]);
            Ok(Arc::new(column.as_fixed_size_binary().iter().map(|id| id.map(text)).collect::<StringArray>()))
        }
        DataType::Utf8 => Ok(Arc::clone(column)),
        // The same refusals and the same conversions as in a log.
        _ => Ok(placed(column, name)?.column),
    }
}

/// The canonical hash of every id of a log.
pub fn hash_ids(ids: &ArrayRef) -> Result<Vec<u64>> {
    Ok(match ids.data_type() {
        DataType::Utf8 => ids.as_string::<i32>().iter().flatten().map(|id| keys::hash_text(id.as_bytes())).collect(),
        DataType::UInt64 => {
            ids.as_primitive::<UInt64Type>().values().iter().map(|&id| keys::hash_integer(id as i64)).collect()
        }
        _ => {
            let whole = cast(ids, &DataType::Int64)?;
            whole.as_primitive::<Int64Type>().values().iter().map(|&id| keys::hash_integer(id)).collect()
        }
    })
}
