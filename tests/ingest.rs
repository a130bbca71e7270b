//! Any table as a log: whatever the Arrow types, the chunks, what lies outside of slices and beneath nulls, and the number
//! of threads, it holds what a plain sort of the rows holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, FixedSizeBinaryArray, Float64Array, Int64Array, PrimitiveArray,
    RecordBatch, StringArray, UInt64Array, make_array, new_null_array,
};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowDictionaryKeyType, ArrowNativeType, DataType, Date32Type, Date64Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions};
use arrow::util::display::array_value_to_string;
use proptest::prelude::*;
use proptest::sample::Index;
use safar::calendar::{EARLIEST_US, LATEST_US, Zone};
use safar::error::Error;
use safar::ingest::spill::{Options, Spill};
use safar::ingest::{self, Roles, files};
use safar::log::EventLog;
use safar::pool::{Cancel, build as pool_of};
use safar::table::Table;
use serde_json::json;

const DAY_S: i64 = 86_400;

// ------------------------------------------------------------------------------------------------ rows, as one says them

/// Who, in words or numbers.
#[derive(Debug, Clone, PartialEq)]
enum Ids {
    Texts(Vec<Option<String>>),
    Whole(Vec<Option<i128>>),
    Uuids(Vec<Option<u128>>),
}

/// When: a usual instant, one that hardly any log holds, or none.
#[derive(Debug, Clone, Copy)]
enum Moment {
    Null,
    Usual(usize),
    Odd(i64),
}

/// Usual instants, in seconds and in words.
const MOMENTS: [(i64, &str); 7] = [
    (1_772_355_600, "2026-03-01T09:00:00"),
    (1_772_355_600, "2026-03-01T09:00:00"),
    (1_772_359_200, "2026-03-01T10:00:00"),
    (1_772_409_600, "2026-03-02T00:00:00"),
    (1_774_137_600, "2026-03-22T00:00:00"),
    (-1, "1969-12-31T23:59:59"),
    (1_655_834_400, "2022-06-21T18:00:00"),
];

#[derive(Debug, Clone)]
struct Row {
    moment: Moment,
    event: Option<String>,
    channel: Option<String>,
    value: Option<u8>,
    attribute: Option<u8>,
}

#[derive(Debug, Clone)]
struct Case {
    ids: Ids,
    rows: Vec<Row>,
    times: Times,
    zone: &'static str,
    events: Words,
    channels: Option<Words>,
    value: Option<DataType>,
    attribute: DataType,
    only_events: bool,
    start: Option<i64>,
    end: Option<i64>,
    observed_until: Option<i64>,
}

/// How a table is cut, and what lies around its rows.
#[derive(Debug, Clone)]
struct Shape {
    batches: Vec<usize>,
    lead: usize,
    tail: usize,
    /// All batches are slices of the same arrays.
    is_shared: bool,
    /// Arrays without a null say so row by row.
    says_valid: bool,
    id_form: Index,
}

/// An Arrow type of text.
#[derive(Debug, Clone, PartialEq)]
enum Words {
    Plain(DataType),
    Coded { key: DataType, value: DataType },
}

/// An Arrow type of times.
#[derive(Debug, Clone)]
enum Times {
    Stamps(TimeUnit, bool),
    Days,
    Milliseconds,
    Whole(&'static str, bool),
    Floats(&'static str),
    Texts(Words, bool),
}

// ---------------------------------------------------------------------------------------------------- random tables

fn texts() -> impl Strategy<Value = Vec<String>> {
    let lengths = prop::sample::select(vec![1_usize, 7, 8, 9, 14, 15, 16, 17, 31, 35, 36, 40]);
    let some = prop_oneof![
        prop::sample::select(vec![
            "a",
            "a\0",
            "a\0\0",
            "aa",
            "aa\0",
            "A",
            "a ",
            " a",
            "۷",
            "7",
            "07",
            "کاربر",
            "كاربر",
            "\u{200c}",
            "é",
            "e\u{301}"
        ])
        .prop_map(str::to_owned),
        (lengths.clone(), 0..3_u8).prop_map(|(length, letter)| ((b'x' + letter) as char).to_string().repeat(length)),
        (lengths, 0..3_u8)
            .prop_map(|(length, last)| format!("{}{last}", "customer-".repeat(5).split_at(length.min(40)).0)),
        (0..40_u32).prop_map(|id| format!("c{id:05}")),
        any::<u128>().prop_map(uuid),
        (0..3_u128).prop_map(uuid),
        any::<u128>().prop_map(|id| uuid(id).to_uppercase()),
        "\\PC{0,20}",
        ".{0,40}",
    ];
    let uuids = prop::collection::vec((0..6_u128).prop_map(|id| uuid(id * 0x0123_4567_89ab)), 1..8);
    let prefixed = prop::collection::vec((0..30_u32).prop_map(|id| format!("a-long-prefix-of-all-{id}")), 1..12);
    let short = prop::collection::vec((0..30_u32).prop_map(|id| format!("u{id}")), 1..12);
    prop_oneof![3 => prop::collection::vec(some, 1..20), 1 => uuids, 1 => prefixed, 1 => short]
}

fn uuid(bits: u128) -> String {
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn picked<T: Clone + std::fmt::Debug>(
    pool: impl Strategy<Value = Vec<T>>,
    rows: usize,
) -> impl Strategy<Value = Vec<Option<T>>> {
    let places = prop::collection::vec(prop::option::weighted(0.93, any::<Index>()), rows);
    (pool, places).prop_map(|(pool, places)| {
        places.iter().map(|place| place.map(|place| pool[place.index(pool.len())].clone())).collect()
    })
}

fn ids(rows: usize) -> impl Strategy<Value = Ids> {
    let whole = prop_oneof![
        prop::collection::vec((0..100_i64).prop_map(i128::from), 1..12),
        prop::collection::vec(any::<i16>().prop_map(i128::from), 1..12),
        prop::collection::vec(
            prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), Just(-1)].prop_map(i128::from),
            1..12
        ),
        prop::collection::vec(prop_oneof![any::<u64>(), Just(u64::MAX), Just(0)].prop_map(i128::from), 1..12),
        prop::collection::vec((-9_007_199_254_740_992..=9_007_199_254_740_992_i64).prop_map(i128::from), 1..12),
    ];
    let blank = prop::sample::select(vec!["", " ", "\t\n", "\u{a0}", "\u{3000} "]).prop_map(str::to_owned);
    let with_blanks =
        (texts(), prop::collection::vec(blank, 0..2)).prop_map(|(texts, blanks)| [texts, blanks].concat());
    prop_oneof![
        4 => picked(with_blanks, rows).prop_map(Ids::Texts),
        2 => picked(whole, rows).prop_map(Ids::Whole),
        1 => picked(prop::collection::vec(prop_oneof![any::<u128>(), 0..3_u128], 1..12), rows).prop_map(Ids::Uuids),
    ]
}

fn words() -> impl Strategy<Value = Words> {
    let plain = || prop::sample::select(vec![DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View]);
    let key = prop::sample::select(vec![
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
    ]);
    prop_oneof![plain().prop_map(Words::Plain), (key, plain()).prop_map(|(key, value)| Words::Coded { key, value }),]
}

fn times() -> impl Strategy<Value = Times> {
    let unit = || prop::sample::select(vec!["s", "ms", "us", "ns"]);
    let stamp = prop::sample::select(vec![
        TimeUnit::Second,
        TimeUnit::Millisecond,
        TimeUnit::Microsecond,
        TimeUnit::Nanosecond,
    ]);
    prop_oneof![
        4 => (stamp, any::<bool>()).prop_map(|(unit, zoned)| Times::Stamps(unit, zoned)),
        1 => Just(Times::Days),
        1 => Just(Times::Milliseconds),
        1 => (unit(), any::<bool>()).prop_map(|(unit, unsigned)| Times::Whole(unit, unsigned)),
        1 => unit().prop_map(Times::Floats),
        1 => (words(), any::<bool>()).prop_map(|(words, zoned)| Times::Texts(words, zoned)),
    ]
}

fn row() -> impl Strategy<Value = Row> {
    // Days that become usual ones where a product of 64 bits wraps, and the ends of the years of logs.
    let wrapping = (0..40_000_i64).prop_map(|day| 213_503_982 + day);
    let edges = prop::sample::select(vec![EARLIEST_US, LATEST_US - 1, LATEST_US, EARLIEST_US - 1]);
    let odd =
        prop_oneof![any::<i64>(), any::<i32>().prop_map(i64::from), wrapping, edges, Just(i64::MIN), Just(i64::MAX)];
    let moment = prop_oneof![
        1 => Just(Moment::Null),
        12 => (0..MOMENTS.len()).prop_map(Moment::Usual),
        1 => odd.prop_map(Moment::Odd),
    ];
    let event =
        prop::sample::select(vec!["view", "view", "view ", "buy", "خرید", "a much longer name of an event", "", " "]);
    let channel = prop::sample::select(vec!["web", "app", "", "\u{a0}"]);
    let text = |text: &'static str| text.to_owned();
    (
        moment,
        prop::option::weighted(0.95, event.prop_map(text)),
        prop::option::weighted(0.9, channel.prop_map(text)),
        prop::option::weighted(0.8, 0..100_u8),
        prop::option::weighted(0.8, 0..100_u8),
    )
        .prop_map(|(moment, event, channel, value, attribute)| Row { moment, event, channel, value, attribute })
}

fn case() -> impl Strategy<Value = Case> {
    let bound = || prop::option::weighted(0.3, prop::sample::select(vec![-1_i64, 1_772_355_601, 1_774_137_600]));
    let value = prop::sample::select(vec![
        DataType::Int8,
        DataType::UInt16,
        DataType::Int64,
        DataType::Float32,
        DataType::Float64,
        DataType::Decimal128(9, 2),
    ]);
    let dictionary = DataType::Dictionary(Box::new(DataType::Int16), Box::new(DataType::Utf8));
    let attribute = prop::sample::select(vec![
        DataType::Int32,
        DataType::Utf8,
        DataType::Utf8View,
        DataType::LargeBinary,
        DataType::Boolean,
        DataType::Date32,
        DataType::Timestamp(TimeUnit::Millisecond, Some("+03:30".into())),
        DataType::Null,
        dictionary,
    ]);
    let zones = prop::sample::select(vec!["UTC", "Asia/Tehran", "America/Sao_Paulo"]);
    (0..160_usize)
        .prop_flat_map(|rows| (ids(rows), prop::collection::vec(row(), rows)))
        .prop_flat_map(move |(ids, rows)| {
            (
                (Just(ids), Just(rows), times(), zones.clone(), words(), prop::option::of(words())),
                (prop::option::of(value.clone()), attribute.clone(), any::<bool>(), bound(), bound()),
                prop::option::weighted(0.3, prop::sample::select(vec![1_772_359_200_i64, 1_774_137_600])),
            )
        })
        .prop_map(|((ids, rows, times, zone, events, channels), more, observed_until)| {
            let (value, attribute, only_events, start, end) = more;
            let (start, end) = if start >= end && end.is_some() { (None, end) } else { (start, end) };
            Case { ids, rows, times, zone, events, channels, value, attribute, only_events, start, end, observed_until }
        })
}

fn shape() -> impl Strategy<Value = Shape> {
    let batches = prop::collection::vec(0..40_usize, 0..6);
    (batches, 0..9_usize, 0..9_usize, any::<bool>(), any::<bool>(), any::<Index>()).prop_map(
        |(batches, lead, tail, is_shared, says_valid, id_form)| Shape {
            batches,
            lead,
            tail,
            is_shared,
            says_valid,
            id_form,
        },
    )
}

// -------------------------------------------------------------------------------------------- rows as Arrow columns

/// The values, where one is missing another one, so that what lies beneath a null is not nothing.
fn filled<T: Clone + Default>(values: &[Option<T>]) -> Vec<T> {
    let other = values.iter().flatten().next().cloned().unwrap_or_default();
    values.iter().map(|value| value.clone().unwrap_or_else(|| other.clone())).collect()
}

/// The array with nulls where values are missing.
fn masked<T>(array: &ArrayRef, values: &[Option<T>], says_valid: bool) -> ArrayRef {
    let valid: NullBuffer = values.iter().map(Option::is_some).collect();
    let valid = Some(valid).filter(|valid| says_valid || valid.null_count() > 0);
    make_array(array.to_data().into_builder().nulls(valid).build().expect("as many rows"))
}

fn of_texts(values: &[Option<String>], words: &Words, says_valid: bool) -> ArrayRef {
    match words {
        Words::Plain(data_type) => {
            let texts: ArrayRef = Arc::new(StringArray::from(filled(values)));
            masked(&cast(&texts, data_type).expect("text as text"), values, says_valid)
        }
        Words::Coded { key, value } => match key {
            DataType::Int8 => coded::<Int8Type>(values, value, says_valid),
            DataType::Int16 => coded::<Int16Type>(values, value, says_valid),
            DataType::Int32 => coded::<Int32Type>(values, value, says_valid),
            DataType::Int64 => coded::<Int64Type>(values, value, says_valid),
            DataType::UInt8 => coded::<UInt8Type>(values, value, says_valid),
            DataType::UInt16 => coded::<UInt16Type>(values, value, says_valid),
            DataType::UInt32 => coded::<UInt32Type>(values, value, says_valid),
            DataType::UInt64 => coded::<UInt64Type>(values, value, says_valid),
            other => unreachable!("{other} is no key"),
        },
    }
}

/// A dictionary with words that nobody uses, words that stand twice, a null among its values, and nonsense beneath the
/// nulls of its keys.
fn coded<K: ArrowDictionaryKeyType>(values: &[Option<String>], words: &DataType, says_valid: bool) -> ArrayRef {
    let mut texts: Vec<Option<&str>> = vec![Some("nobody"), None];
    for value in values.iter().flatten() {
        if !texts.contains(&Some(value)) {
            texts.push(Some(value));
        }
    }
    let distinct = texts.len();
    let twice: Vec<Option<&str>> = texts[2..].iter().copied().take(3).collect();
    texts.extend(twice);
    let mut valid = Vec::with_capacity(values.len());
    let keys = values.iter().enumerate().map(|(row, value)| {
        let place = texts[..distinct].iter().position(|text| *text == value.as_deref()).unwrap_or(1);
        let again = place.checked_sub(2).map(|word| distinct + word).filter(|&again| again < texts.len());
        valid.push(value.is_some() || row % 2 == 0);
        let key = match (value, again) {
            (None, _) if row % 2 == 1 => 100,
            (Some(_), Some(again)) if row % 3 == 0 => again,
            _ => place,
        };
        K::Native::from_usize(key).expect("few words")
    });
    let keys: ScalarBuffer<K::Native> = keys.collect::<Vec<_>>().into();
    let valid = Some(NullBuffer::from(valid)).filter(|valid| says_valid || valid.null_count() > 0);
    let texts: ArrayRef = Arc::new(StringArray::from(texts));
    let texts = cast(&texts, words).expect("text as text");
    Arc::new(DictionaryArray::<K>::try_new(PrimitiveArray::new(keys, valid), texts).expect("keys of its values"))
}

/// All Arrow forms of these ids.
fn id_forms(ids: &Ids) -> Vec<IdForm> {
    let texts = || {
        let plain = [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View];
        let coded =
            [DataType::Int8, DataType::UInt16, DataType::Int32, DataType::UInt64].into_iter().zip(plain.iter().cycle());
        let coded = coded.map(|(key, value)| Words::Coded { key, value: value.clone() });
        plain.iter().cloned().map(Words::Plain).chain(coded).map(IdForm::Words).collect::<Vec<_>>()
    };
    match ids {
        Ids::Texts(_) => texts(),
        Ids::Uuids(_) => [texts(), vec![IdForm::Bytes, IdForm::CodedBytes]].concat(),
        Ids::Whole(values) => {
            let within = |least: i128, most: i128| values.iter().flatten().all(|value| (least..=most).contains(value));
            let forms = [
                (DataType::Int8, i128::from(i8::MIN), i128::from(i8::MAX)),
                (DataType::Int16, i128::from(i16::MIN), i128::from(i16::MAX)),
                (DataType::Int32, i128::from(i32::MIN), i128::from(i32::MAX)),
                (DataType::Int64, i128::from(i64::MIN), i128::from(i64::MAX)),
                (DataType::UInt8, 0, i128::from(u8::MAX)),
                (DataType::UInt16, 0, i128::from(u16::MAX)),
                (DataType::UInt32, 0, i128::from(u32::MAX)),
                (DataType::UInt64, 0, i128::from(u64::MAX)),
                (DataType::Float64, -(1 << 53), 1 << 53),
                (DataType::Float32, -(1 << 24), 1 << 24),
                (DataType::Dictionary(Box::new(DataType::Int16), Box::new(DataType::Int32)), 0, 1 << 20),
            ];
            let fitting = forms.into_iter().filter(|(_, least, most)| within(*least, *most));
            fitting.map(|(data_type, _, _)| IdForm::Whole(data_type)).collect()
        }
    }
}

#[derive(Debug, Clone)]
enum IdForm {
    Words(Words),
    Whole(DataType),
    Bytes,
    CodedBytes,
}

fn of_ids(ids: &Ids, form: &IdForm, says_valid: bool) -> ArrayRef {
    match (ids, form) {
        (Ids::Texts(values), IdForm::Words(words)) => of_texts(values, words, says_valid),
        (Ids::Uuids(values), IdForm::Words(words)) => {
            of_texts(&values.iter().map(|value| value.map(uuid)).collect::<Vec<_>>(), words, says_valid)
        }
        (Ids::Uuids(values), _) => {
            let bytes = values.iter().map(|value| value.map(u128::to_be_bytes));
            let bytes = FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes, 16).expect("16 bytes each");
            let bytes: ArrayRef = Arc::new(bytes);
            if matches!(form, IdForm::CodedBytes) {
                let keys =
                    values.iter().enumerate().map(|(row, value)| value.map(|_| row as i64)).collect::<Int64Array>();
                return Arc::new(DictionaryArray::<Int64Type>::try_new(keys, bytes).expect("a key for each"));
            }
            bytes
        }
        (Ids::Whole(values), IdForm::Whole(data_type)) => {
            let values: Vec<_> = values.iter().map(|value| value.as_ref().copied()).collect();
            let whole: ArrayRef = if data_type == &DataType::UInt64 {
                Arc::new(UInt64Array::from(filled(&values).iter().map(|&value| value as u64).collect::<Vec<_>>()))
            } else {
                Arc::new(Int64Array::from(filled(&values).iter().map(|&value| value as i64).collect::<Vec<_>>()))
            };
            if matches!(data_type, DataType::Dictionary(_, _)) {
                return cast(&masked(&whole, &values, says_valid), data_type).expect("small numbers");
            }
            masked(&cast(&whole, data_type).expect("small numbers"), &values, says_valid)
        }
        (ids, form) => unreachable!("{form:?} holds no {ids:?}"),
    }
}

impl Times {
    /// What stands in a column of numbers.
    fn raw(&self, moment: Moment) -> Option<i64> {
        let usual = |place: usize| match self {
            Self::Stamps(TimeUnit::Millisecond, _) | Self::Milliseconds => MOMENTS[place].0 * 1_000,
            Self::Stamps(TimeUnit::Microsecond, _) => MOMENTS[place].0 * 1_000_000,
            Self::Stamps(TimeUnit::Nanosecond, _) => MOMENTS[place].0 * 1_000_000_000,
            Self::Days => MOMENTS[place].0.div_euclid(DAY_S),
            Self::Whole(unit, _) | Self::Floats(unit) => MOMENTS[place].0 * 1_000_i64.pow(power(unit)),
            _ => MOMENTS[place].0,
        };
        match (moment, self) {
            (Moment::Null, _) => None,
            (Moment::Usual(place), Self::Whole(_, true)) => Some(usual(place).max(0)),
            (Moment::Usual(place), _) => Some(usual(place)),
            (Moment::Odd(number), Self::Days) => Some(i64::from(number as i32)),
            (Moment::Odd(number), _) => Some(number),
        }
    }

    /// The instant, if the cell says one: µs UTC, or that its text says none.
    fn instant(&self, moment: Moment, zone: &Zone) -> Result<i128, &'static str> {
        let local = |time: i128| {
            let inside = (i128::from(EARLIEST_US)..i128::from(LATEST_US)).contains(&time);
            if inside { i128::from(zone.from_local_us(time as i64)) } else { time }
        };
        let raw = || self.raw(moment).map(i128::from).ok_or("time_missing");
        Ok(match self {
            Self::Stamps(unit, zoned) => {
                let time = match unit {
                    TimeUnit::Second => raw()? * 1_000_000,
                    TimeUnit::Millisecond => raw()? * 1_000,
                    TimeUnit::Microsecond => raw()?,
                    TimeUnit::Nanosecond => raw()?.div_euclid(1_000),
                };
                if *zoned { time } else { local(time) }
            }
            Self::Days => local(raw()? * 86_400_000_000),
            Self::Milliseconds => local(raw()? * 1_000),
            Self::Whole(unit, unsigned) => {
                let raw = self.raw(moment).ok_or("time_missing")?;
                let raw = if *unsigned { i128::from(raw as u64) } else { i128::from(raw) };
                (raw * 1_000_000).div_euclid(1_000_i128.pow(power(unit)))
            }
            Self::Floats(unit) => {
                // Whoever stores times as floats gets what floats can hold.
                let raw = self.raw(moment).ok_or("time_missing")? as f64;
                let factor = [1e6, 1e3, 1.0, 1e-3][power(unit) as usize];
                (raw * factor).round() as i128
            }
            Self::Texts(_, zoned) => match moment {
                Moment::Null => return Err("time_missing"),
                Moment::Odd(_) => return Err("time_unparsable"),
                Moment::Usual(place) => {
                    let time = i128::from(MOMENTS[place].0) * 1_000_000;
                    if *zoned { time } else { local(time) }
                }
            },
        })
    }

    fn unit(&self) -> Option<&'static str> {
        match self {
            Self::Whole(unit, _) | Self::Floats(unit) => Some(unit),
            _ => None,
        }
    }

    fn column(&self, moments: &[Moment], says_valid: bool) -> ArrayRef {
        if let Self::Texts(words, zoned) = self {
            let text = |moment: &Moment| match *moment {
                Moment::Null => None,
                Moment::Usual(place) => Some(format!("{}{}", MOMENTS[place].1, if *zoned { "Z" } else { "" })),
                Moment::Odd(number) => Some(format!("{} o'clock", number % 24)),
            };
            return of_texts(&moments.iter().map(text).collect::<Vec<_>>(), words, says_valid);
        }
        let raw: Vec<Option<i64>> = moments.iter().map(|&moment| self.raw(moment)).collect();
        let values = filled(&raw);
        let column: ArrayRef = match self {
            Self::Stamps(unit, zoned) => {
                let zone = zoned.then(|| "Europe/Berlin".into());
                cast(&Int64Array::from(values), &DataType::Timestamp(*unit, zone)).expect("numbers as times")
            }
            Self::Days => {
                Arc::new(PrimitiveArray::<Date32Type>::from_iter_values(values.iter().map(|&day| day as i32)))
            }
            Self::Milliseconds => Arc::new(PrimitiveArray::<Date64Type>::from_iter_values(values)),
            Self::Whole(_, true) => Arc::new(UInt64Array::from_iter_values(values.iter().map(|&value| value as u64))),
            Self::Whole(_, false) => Arc::new(Int64Array::from(values)),
            _ => Arc::new(Float64Array::from_iter_values(values.iter().map(|&value| value as f64))),
        };
        masked(&column, &raw, says_valid)
    }
}

fn power(unit: &str) -> u32 {
    ["s", "ms", "us", "ns"].iter().position(|other| *other == unit).expect("a unit") as u32
}

fn of_numbers(values: &[Option<u8>], data_type: &DataType, says_valid: bool) -> ArrayRef {
    if data_type == &DataType::Null {
        return new_null_array(data_type, values.len());
    }
    let numbers: ArrayRef = match data_type {
        DataType::Date32 => {
            Arc::new(values.iter().map(|value| value.map(i32::from)).collect::<PrimitiveArray<Int32Type>>())
        }
        _ => Arc::new(values.iter().map(|value| value.map(i64::from)).collect::<Int64Array>()),
    };
    let column = match data_type {
        DataType::LargeBinary => cast(&cast(&numbers, &DataType::Utf8).expect("digits"), data_type),
        other => cast(&numbers, other),
    };
    let column = column.expect("small numbers");
    if matches!(data_type, DataType::Dictionary(_, _)) { column } else { masked(&column, values, says_valid) }
}

// ------------------------------------------------------------------------------------------------------- the table

/// A column in the chunks of a shape: slices of arrays with other rows before and after.
fn chunked<T: Clone>(values: &[T], shape: &Shape, make: impl Fn(&[T]) -> ArrayRef) -> Vec<ArrayRef> {
    let around = |values: &[T]| -> Vec<T> {
        let junk = |count: usize| values.iter().cycle().take(if values.is_empty() { 0 } else { count }).cloned();
        junk(shape.lead).chain(values.iter().cloned()).chain(junk(shape.tail)).collect()
    };
    let lead = if values.is_empty() { 0 } else { shape.lead };
    let whole = shape.is_shared.then(|| make(&around(values)));
    let mut start = 0;
    let lengths = shape.batches.iter().copied().chain(std::iter::once(usize::MAX));
    let chunks = lengths.map(|length| {
        let length = length.min(values.len() - start);
        let begin = start;
        start += length;
        match &whole {
            Some(whole) => whole.slice(lead + begin, length),
            None if length == 0 => make(&[]),
            None => make(&around(&values[begin..begin + length])).slice(shape.lead, length),
        }
    });
    chunks.collect()
}

fn table(case: &Case, shape: &Shape) -> Table {
    let forms = id_forms(&case.ids);
    let form = &forms[shape.id_form.index(forms.len())];
    let says_valid = shape.says_valid;
    let ids = match &case.ids {
        Ids::Texts(ids) => chunked(ids, shape, |ids| of_ids(&Ids::Texts(ids.to_vec()), form, says_valid)),
        Ids::Whole(ids) => chunked(ids, shape, |ids| of_ids(&Ids::Whole(ids.to_vec()), form, says_valid)),
        Ids::Uuids(ids) => chunked(ids, shape, |ids| of_ids(&Ids::Uuids(ids.to_vec()), form, says_valid)),
    };
    let column = |make: &dyn Fn(&[Row]) -> ArrayRef| chunked(&case.rows, shape, make);
    let text = |words: &Words, pick: fn(&Row) -> &Option<String>| {
        column(&|rows| of_texts(&rows.iter().map(|row| pick(row).clone()).collect::<Vec<_>>(), words, says_valid))
    };
    let number = |data_type: &DataType, pick: fn(&Row) -> Option<u8>| {
        column(&|rows| of_numbers(&rows.iter().map(pick).collect::<Vec<_>>(), data_type, says_valid))
    };
    let mut columns = vec![
        ("who", ids),
        ("when", column(&|rows| case.times.column(&rows.iter().map(|row| row.moment).collect::<Vec<_>>(), says_valid))),
        ("what", text(&case.events, |row| &row.event)),
        ("attribute", number(&case.attribute, |row| row.attribute)),
    ];
    let numbers: Vec<usize> = (0..case.rows.len()).collect();
    let numbered =
        |rows: &[usize]| -> ArrayRef { Arc::new(Int64Array::from_iter_values(rows.iter().map(|&row| row as i64))) };
    columns.push(("row", chunked(&numbers, shape, numbered)));
    columns.extend(case.channels.as_ref().map(|words| ("where", text(words, |row| &row.channel))));
    columns.extend(case.value.as_ref().map(|data_type| ("worth", number(data_type, |row| row.value))));
    let batches = (0..columns[0].1.len()).map(|chunk| {
        let columns = columns.iter().map(|(name, chunks)| (*name, Arc::clone(&chunks[chunk]), true));
        RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length")
    });
    let batches: Vec<RecordBatch> = batches.collect();
    let schema = Schema::new(batches[0].schema().fields().clone());
    Table::new(Arc::new(schema), batches)
}

fn roles(case: &Case, on_bad: &str) -> Roles {
    let micros = |seconds: Option<i64>| seconds.map(|seconds| seconds * 1_000_000);
    let roles = json!({
        "customer": "who", "time": "when", "event": "what", "attributes": ["row", "attribute"],
        "channel": case.channels.as_ref().map(|_| "where"), "value": case.value.as_ref().map(|_| "worth"),
        "timezone": case.zone, "time_unit": case.times.unit(), "on_bad": on_bad,
        "observed_until_us": micros(case.observed_until), "start_us": micros(case.start), "end_us": micros(case.end),
        "only_events": case.only_events.then_some(["buy", "view"]),
    });
    serde_json::from_value(roles).expect("valid roles")
}

// ---------------------------------------------------------------------------------------------------- what comes out

/// An event: time, name, channel, value, row, attribute.
type Event = (i64, String, Option<String>, Option<u64>, usize, Option<String>);

/// All that a log says.
#[derive(Debug, Clone, PartialEq)]
struct Said {
    customers: Vec<(String, Vec<Event>)>,
    ties: u64,
    out_of_order: u64,
    filtered: u64,
    observed_until: i64,
    rejects: Vec<(usize, String, Option<String>)>,
}

fn text_of(array: &ArrayRef, row: usize) -> Option<String> {
    let is_null = array.logical_nulls().is_some_and(|nulls| nulls.is_null(row));
    (!is_null).then(|| array_value_to_string(array, row).expect("a value that can be shown"))
}

fn events_of(log: &EventLog) -> Vec<(String, Vec<Event>)> {
    let events = log.events_table(None).expect("a table").to_batch().expect("a batch");
    let column = |name: &str| events.column_by_name(name).map(Arc::clone);
    let texts = |name: &str| -> Vec<Option<String>> {
        let absent = || vec![None; events.num_rows()];
        column(name).map_or_else(absent, |array| (0..array.len()).map(|row| text_of(&array, row)).collect())
    };
    let (ids, names, channels, attributes) = (texts("customer"), texts("event"), texts("channel"), texts("attribute"));
    let times = column("time").expect("times");
    let times = times.as_primitive::<TimestampMicrosecondType>();
    let rows = column("row").expect("rows");
    let rows = rows.as_primitive::<Int64Type>();
    let values = column("value");
    let mut found: Vec<(String, Vec<Event>)> = Vec::new();
    for row in 0..events.num_rows() {
        let value = values.as_ref().map(AsArray::as_primitive::<Float64Type>);
        let value = value.filter(|values| values.is_valid(row)).map(|values| values.value(row).to_bits());
        let id = ids[row].clone().expect("a customer");
        let name = names[row].clone().expect("a name");
        let number = rows.value(row) as usize;
        let event = (times.value(row), name, channels[row].clone(), value, number, attributes[row].clone());
        match found.last_mut() {
            Some((customer, events)) if customer == &id => events.push(event),
            _ => found.push((id, vec![event])),
        }
    }
    found
}

fn said(log: &EventLog) -> Said {
    let facts = log.describe();
    let count = |name: &str| facts[name].as_u64().expect("a count");
    let rejects = log.rejects_table().expect("a table").to_batch().expect("a batch");
    let reject = |row: usize| {
        let text = |name: &str| text_of(rejects.column_by_name(name).expect("a column"), row);
        let number = rejects.column(0).as_primitive::<Int64Type>().value(row) as usize;
        (number, text("reason").expect("a reason"), text("value"))
    };
    Said {
        customers: events_of(log),
        ties: count("ties"),
        out_of_order: count("out_of_order"),
        filtered: count("filtered"),
        observed_until: log.observed_until(),
        rejects: (0..rejects.num_rows()).map(reject).collect(),
    }
}

/// The same in plain words. The order of customers, and the values that bad rows show, are the log's own.
fn expected(case: &Case) -> Option<(BTreeMap<String, Vec<Event>>, Said)> {
    let zone = Zone::new(case.zone).expect("a zone");
    let is_blank = |text: &str| text.trim().is_empty();
    let id = |row: usize| match &case.ids {
        Ids::Texts(ids) => ids[row].clone().filter(|id| !is_blank(id)),
        Ids::Whole(ids) => ids[row].map(|id| id.to_string()),
        Ids::Uuids(ids) => ids[row].map(uuid),
    };
    let attributes: Vec<Option<u8>> = case.rows.iter().map(|row| row.attribute).collect();
    let attributes = of_numbers(&attributes, &case.attribute, false);
    let micros = |seconds: i64| i128::from(seconds) * 1_000_000;
    let years = i128::from(EARLIEST_US)..i128::from(LATEST_US);
    let mut customers = BTreeMap::<String, Vec<Event>>::new();
    let (mut filtered, mut rejects, mut latest) = (0, Vec::new(), i64::MIN);
    for (number, row) in case.rows.iter().enumerate() {
        let name = row.event.clone().filter(|name| !is_blank(name));
        let time = case.times.instant(row.moment, &zone);
        if let Ok(time) = time
            && years.contains(&time)
        {
            latest = latest.max(time as i64);
        }
        let not_asked = case.only_events && name.as_ref().is_some_and(|name| name != "buy" && name != "view");
        let early = |time: i128| case.start.is_some_and(|start| time < micros(start));
        let late = |time: i128| case.end.is_some_and(|end| time >= micros(end));
        if not_asked || time.is_ok_and(|time| early(time) || late(time)) {
            filtered += 1;
            continue;
        }
        let reason = match (id(number), time, &name) {
            (None, _, _) => "customer_missing",
            (_, Err(reason), _) => reason,
            (_, Ok(time), _) if !years.contains(&time) => "time_out_of_range",
            (_, _, None) => "event_missing",
            (_, Ok(time), _) if case.observed_until.is_some_and(|until| time > micros(until)) => "after_observed_until",
            (Some(id), Ok(time), Some(name)) => {
                let channel = row.channel.clone().filter(|channel| !is_blank(channel) && case.channels.is_some());
                let value = row.value.filter(|_| case.value.is_some()).map(|value| f64::from(value).to_bits());
                let event = (time as i64, name.clone(), channel, value, number, text_of(&attributes, number));
                customers.entry(id).or_default().push(event);
                continue;
            }
        };
        rejects.push((number, reason.to_owned(), None));
    }
    let (mut ties, mut out_of_order) = (0, 0);
    for events in customers.values_mut() {
        let mut last = i64::MIN;
        for event in &*events {
            out_of_order += u64::from(event.0 < last);
            last = last.max(event.0);
        }
        events.sort_by_key(|event| event.0);
        ties += events.windows(2).filter(|pair| pair[0].0 == pair[1].0).count() as u64;
    }
    let observed_until = case.observed_until.map_or(latest, |until| until * 1_000_000);
    let observed_until = case.end.map_or(observed_until, |end| observed_until.min(end * 1_000_000));
    let known = |name: &str| case.rows.iter().any(|row| row.event.as_deref() == Some(name));
    if customers.is_empty() || (case.only_events && !(known("buy") && known("view"))) {
        return None;
    }
    Some((customers, Said { customers: Vec::new(), ties, out_of_order, filtered, observed_until, rejects }))
}

fn built(case: &Case, shape: &Shape, threads: usize, on_bad: &str) -> Result<EventLog, Error> {
    let (table, roles) = (table(case, shape), roles(case, on_bad));
    pool_of(threads).expect("a pool").install(|| ingest::build(&table, &roles, &Cancel::default()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_table_makes_the_log_of_its_rows(case in case(), one in shape(), other in shape()) {
        let log = built(&case, &one, 1, "reject");
        let again = built(&case, &other, 2, "reject");
        let Some((customers, facts)) = expected(&case) else {
            for log in [log, again] {
                prop_assert!(!matches!(log, Ok(_) | Err(Error::Internal(_) | Error::Cancelled)), "{log:?}");
            }
            return Ok(());
        };
        let said_once = said(&log.expect("a log"));
        prop_assert_eq!(&said_once, &said(&again.expect("a log")), "another form of the same rows");
        let found: BTreeMap<_, _> = said_once.customers.iter().cloned().collect();
        prop_assert_eq!(found.len(), said_once.customers.len(), "each customer stands once");
        prop_assert_eq!(found, customers);
        let rejects = said_once.rejects.iter().map(|(row, reason, _)| (*row, reason.clone(), None)).collect();
        let without_order = Said { customers: Vec::new(), rejects, ..said_once.clone() };
        prop_assert_eq!(without_order, facts);
        let strict = built(&case, &one, 2, "raise");
        prop_assert_eq!(strict.is_ok(), said_once.rejects.is_empty());
    }

    #[test]
    fn a_file_of_a_table_is_the_log_of_its_rows(case in case(), shape in shape(), compressed: bool) {
        let (table, roles, cancel) = (table(&case, &shape), roles(&case, "reject"), Cancel::default());
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file.arrow");
        let compression = compressed.then_some(CompressionType::LZ4_FRAME);
        let options = IpcWriteOptions::default().try_with_compression(compression).expect("options");
        let file = std::fs::File::create(&path).expect("a file");
        let mut writer = FileWriter::try_new_with_options(file, table.schema(), options).expect("a file");
        // A file has one dictionary for each column.
        if !table.batches().iter().all(|batch| writer.write(batch).is_ok()) {
            return Ok(());
        }
        writer.finish().expect("a file");
        let log = files::build(&[path.to_string_lossy().into_owned()], &files::Options::of(&roles), &cancel);
        let whole = ingest::build(&table, &roles, &cancel);
        prop_assert_eq!(log.is_ok(), whole.is_ok(), "{:?} {:?}", log.err(), whole.err());
        if let (Ok(log), Ok(whole)) = (log, whole) {
            prop_assert_eq!(said(&log), said(&whole));
        }
    }

    #[test]
    fn a_spilled_table_is_the_log_of_its_rows_in_parts(case in case(), shape in shape(), memory in 1_u64..4_000_000) {
        let (table, roles, cancel) = (table(&case, &shape), roles(&case, "reject"), Cancel::default());
        let options = Options { memory: Some(memory), ..Options::default() };
        let spill = Spill::new(&table, &roles, &options, &cancel);
        let log = ingest::build(&table, &roles, &cancel);
        prop_assert_eq!(spill.is_ok(), log.is_ok(), "{:?} {:?}", spill.err(), log.err());
        if let (Ok(spill), Ok(log)) = (spill, log) {
            let whole = said(&log);
            let mut customers = Vec::new();
            for part in 0..spill.parts() {
                let part = spill.part(part, &cancel).expect("a part");
                prop_assert_eq!(part.observed_until(), whole.observed_until);
                customers.extend(events_of(&part));
            }
            prop_assert_eq!(customers, whole.customers);
            let rejected = spill.rejects_table().expect("a table").num_rows();
            prop_assert_eq!(rejected, whole.rejects.len());
            prop_assert_eq!(spill.describe()["filtered"].as_u64(), Some(whole.filtered));
        }
    }
}
