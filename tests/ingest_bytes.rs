//! Any bytes as a file: an error or a table, never a panic, and no more memory than the file can be worth.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::{ArrayRef, DictionaryArray, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::Int8Type;
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use proptest::prelude::*;
use proptest::sample::Index;
use safar::engine::Plan;
use safar::error::Error;
use safar::ingest::files::{self, Options, write_parquet};
use safar::ingest::{self, Roles};
use safar::kernels::run_named;
use safar::log::EventLog;
use safar::pool::Cancel;
use safar::table::Table;
use serde_json::json;

/// What reading takes whatever the size of the file: buffers of a block, of each thread and of the decoders.
const FIXED: usize = 64 << 20;
/// How many bytes of memory a byte of a file may stand for: a packed one for this many equal ones, and a few copies.
const PER_BYTE: usize = 1 << 16;

/// The allocator of the system, which counts.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn count(more: usize) {
    PEAK.fetch_max(LIVE.fetch_add(more, Ordering::Relaxed) + more, Ordering::Relaxed);
}

// SAFETY: every call goes to the allocator of the system as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of the same function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of the same function.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of the same function.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of the same function.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One reading at a time, because memory is that of all threads.
static ALONE: Mutex<()> = Mutex::new(());

/// What work says, and how much more memory it took than there was before.
fn measured<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let outcome = work();
    (outcome, PEAK.load(Ordering::Relaxed).saturating_sub(before))
}

fn roles() -> Roles {
    let roles = json!({
        "customer": "who", "time": "when", "event": "what", "channel": "where", "value": "worth", "attributes": ["plan"],
        "timezone": "Asia/Tehran", "time_unit": "s",
    });
    serde_json::from_value(roles).expect("valid roles")
}

fn rows(count: usize) -> RecordBatch {
    let texts =
        |name: fn(usize) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values((0..count).map(name))) };
    let coded: DictionaryArray<Int8Type> = (0..count).map(|row| Some(["free", "pro"][row % 2])).collect();
    let times = (0..count).map(|row| 1_772_355_600_000 + row as i64 * 600_000);
    let times = TimestampMillisecondArray::from_iter_values(times);
    let columns: [(&str, ArrayRef); 6] = [
        ("who", texts(|row| format!("customer {}", row % 17))),
        ("when", Arc::new(times.with_timezone("UTC"))),
        ("what", texts(|row| ["view", "buy", "call"][row % 3].to_owned())),
        ("where", texts(|row| ["web", "app"][row / 2 % 2].to_owned())),
        ("worth", Arc::new((0..count).map(|row| (row % 4 > 0).then_some(row as f64)).collect::<Float64Array>())),
        ("plan", Arc::new(coded)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, values)| (name, values, true))).expect("one length")
}

const ENDINGS: [&str; 8] = ["parquet", "arrow", "zstd.arrow", "lz4.arrow", "stream.arrows", "csv", "csv.gz", "safar"];

/// A good file of each kind.
fn good() -> &'static Vec<Vec<u8>> {
    static GOOD: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    GOOD.get_or_init(|| {
        let (batch, cancel) = (rows(200), Cancel::default());
        let folder = tempfile::tempdir().expect("a folder");
        let ipc = |compression: Option<CompressionType>| {
            let options = IpcWriteOptions::default().try_with_compression(compression).expect("options");
            let mut writer = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options).expect("a writer");
            writer.write(&batch).expect("memory");
            writer.write(&batch).expect("memory");
            writer.into_inner().expect("memory")
        };
        let write = |ending: &&str| -> Vec<u8> {
            let path = folder.path().join(ending);
            let table = Table::from_batch(batch.clone());
            match *ending {
                "parquet" => write_parquet(&table, &path, &cancel).expect("a file"),
                "arrow" => return ipc(None),
                "zstd.arrow" => return ipc(Some(CompressionType::ZSTD)),
                "lz4.arrow" => return ipc(Some(CompressionType::LZ4_FRAME)),
                "safar" => {
                    let log = ingest::build(&table, &roles(), &cancel).expect("a log");
                    log.save(&path, "a note", None, &cancel).expect("a file");
                }
                "stream.arrows" => {
                    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
                    writer.write(&batch).expect("memory");
                    return writer.into_inner().expect("memory");
                }
                "csv" => return csv(),
                _ => {
                    use std::io::Write;
                    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                    packed.write_all(&csv()).expect("memory");
                    return packed.finish().expect("memory");
                }
            }
            std::fs::read(&path).expect("a file")
        };
        ENDINGS.iter().map(write).collect()
    })
}

fn csv() -> Vec<u8> {
    let line = |row: usize| {
        format!("c{},{},\"{}\",web,{row},\"a \"\"b\"\"\"\n", row % 9, 1_772_355_600 + row, ["x", "y\nz"][row % 2])
    };
    let lines: String = (0..150).map(line).collect();
    format!("who,when,what,where,worth,plan\n{lines}").into_bytes()
}

/// What befalls a file, beyond single bytes and cuts.
#[derive(Debug, Clone)]
enum Change {
    Short(Place, u16),
    Word(Place, u32),
    Long(Place, u64),
    Zeros(Place, usize),
    Gone(Place, usize),
    Twice(Place, usize),
    Moved(Place, Place, usize),
    Of(usize, Place, Place, usize),
}

/// A byte of a file; the last ones say how to read the others.
#[derive(Debug, Clone)]
enum Place {
    Any(Index),
    FromEnd(usize),
}

impl Place {
    fn of(&self, length: usize) -> usize {
        match self {
            Self::Any(index) if length > 0 => index.index(length),
            Self::FromEnd(distance) => length.saturating_sub(distance + 1),
            Self::Any(_) => 0,
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let place = || prop_oneof![any::<Index>().prop_map(Place::Any), (0..1_500_usize).prop_map(Place::FromEnd)];
    let length = || prop_oneof![1..16_usize, 1..2_000_usize];
    prop_oneof![
        (place(), prop_oneof![Just(u16::MAX), Just(0x7FFF), any::<u16>()])
            .prop_map(|(at, value)| Change::Short(at, value)),
        (place(), prop_oneof![Just(u32::MAX), Just(0x7FFF_FFFF), Just(0x8000_0000), any::<u32>()])
            .prop_map(|(at, value)| Change::Word(at, value)),
        (place(), prop_oneof![Just(u64::MAX), Just(i64::MAX as u64), Just(1 << 40), any::<u64>()])
            .prop_map(|(at, value)| Change::Long(at, value)),
        (place(), length()).prop_map(|(at, length)| Change::Zeros(at, length)),
        (place(), length()).prop_map(|(at, length)| Change::Gone(at, length)),
        (place(), length()).prop_map(|(at, length)| Change::Twice(at, length)),
        (place(), place(), length()).prop_map(|(from, to, length)| Change::Moved(from, to, length)),
        (0..ENDINGS.len(), place(), place(), length())
            .prop_map(|(kind, from, to, length)| Change::Of(kind, from, to, length)),
    ]
}

fn changed(bytes: &mut Vec<u8>, change: &Change) {
    let length = bytes.len();
    let range = |at: usize, count: usize| at.min(length)..(at + count).min(length);
    let write = |bytes: &mut Vec<u8>, at: usize, value: &[u8]| {
        let at = range(at, value.len());
        bytes[at.clone()].copy_from_slice(&value[..at.len()]);
    };
    match change {
        Change::Short(at, value) => write(bytes, at.of(length), &value.to_le_bytes()),
        // Lengths and offsets stand at multiples of their size.
        Change::Word(at, value) => write(bytes, at.of(length) & !3, &value.to_le_bytes()),
        Change::Long(at, value) => write(bytes, at.of(length) & !7, &value.to_le_bytes()),
        Change::Zeros(at, count) => bytes[range(at.of(length), *count)].fill(0),
        Change::Gone(at, count) => drop(bytes.drain(range(at.of(length), *count))),
        Change::Twice(at, count) => {
            let range = range(at.of(length), *count);
            let copy = bytes[range.clone()].to_vec();
            drop(bytes.splice(range.end..range.end, copy));
        }
        Change::Moved(from, to, count) => {
            let copy = bytes[range(from.of(length), *count)].to_vec();
            write(bytes, to.of(length), &copy);
        }
        Change::Of(kind, from, to, count) => {
            let other = &good()[*kind];
            let from = from.of(other.len());
            let copy = other[from..(from + count).min(other.len())].to_vec();
            write(bytes, to.of(length), &copy);
        }
    }
}

/// Reads a file in all the ways that there are for one of its kind.
fn read(path: &Path, ending: &str) -> Result<(), Error> {
    let cancel = Cancel::default();
    let log = if ending == "safar" {
        EventLog::open(path)?.0
    } else {
        let paths = [path.to_string_lossy().into_owned()];
        // All columns as a table, then those of a log as a table, then the log itself.
        for options in [Options::default(), Options::of(&roles())] {
            if let Err(Error::Internal(text)) = files::read(&paths, &options, &cancel) {
                return Err(Error::Internal(text));
            }
        }
        files::build(&paths, &Options::of(&roles()), &cancel)?
    };
    log.events_table(None)?;
    log.customers_table()?;
    let plan = Plan::parse(&json!({"params": {"gap_us": 1_800_000_000_u64}}).to_string())?;
    run_named("sessions", &log, &plan, &cancel)?;
    Ok(())
}

fn check(bytes: &[u8], ending: &str) -> Result<(), TestCaseError> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(format!("file.{ending}"));
    std::fs::write(&path, bytes).expect("a file");
    let (outcome, most) = measured(|| read(&path, ending));
    prop_assert!(!matches!(outcome, Err(Error::Internal(_) | Error::Cancelled)), "{outcome:?}");
    let limit = FIXED + PER_BYTE * bytes.len();
    let limit = if matches!(ending, "zstd.arrow" | "lz4.arrow" | "csv.gz" | "parquet") { limit } else { FIXED };
    prop_assert!(most <= limit, "{most} bytes of memory for {} of a file: {outcome:?}", bytes.len());
    Ok(())
}

#[test]
fn good_files_are_read() {
    for (ending, bytes) in ENDINGS.iter().zip(good()) {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(format!("file.{ending}"));
        std::fs::write(&path, bytes).expect("a file");
        assert_eq!(read(&path, ending), Ok(()), "{ending}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_600))]

    #[test]
    fn a_changed_file_is_an_error_or_a_table(kind in 0..ENDINGS.len(), changes in prop::collection::vec(change(), 1..4)) {
        let mut bytes = good()[kind].clone();
        for change in &changes {
            changed(&mut bytes, change);
        }
        check(&bytes, ENDINGS[kind])?;
    }

    #[test]
    fn any_bytes_are_an_error_or_a_table(
        kind in 0..ENDINGS.len(), head in 0..24_usize, tail in 0..24_usize, middle in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        // The first and last bytes of a good file, without which nobody looks further.
        let whole = &good()[kind];
        let bytes = [&whole[..head], &middle, &whole[whole.len() - tail..]].concat();
        check(&bytes, ENDINGS[kind])?;
    }

    #[test]
    fn any_text_is_an_error_or_a_table(text in "(who|when|what|where|worth|plan|[\"\"\",;\t\r\n]|[a-z0-9 ]|\\PC|\0){0,120}") {
        check(text.as_bytes(), "csv")?;
    }
}
