//! Parquet, CSV and Arrow files of one schema as a stream of batches, and tables as Parquet files.

mod csv;
mod ipc;
mod parquet;
mod partitions;
mod pruning;
mod unify;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Roles;
use crate::calendar::LATEST_US;
use crate::error::{Error, Result, did_you_mean};
use crate::log::EventLog;
use crate::pool::{Cancel, Stage, on_pool};
use crate::table::{Origin, Table};

pub use parquet::write_parquet;
use partitions::Partitions;
use pruning::Wanted;

/// Most rows of one batch.
const BATCH_ROWS: usize = 1 << 16;

/// What to read of files.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Only these columns; by default those that have a role, or all where there are no roles.
    pub columns: Option<Vec<String>>,
    /// What the columns mean: how the text of a CSV file is read, and which row groups and files are not asked for.
    pub roles: Option<Roles>,
    /// What stands between the fields of a CSV file; found out by default.
    pub delimiter: Option<char>,
    /// Columns of CSV files that are text, whatever they look like.
    pub as_text: Vec<String>,
}

impl Options {
    /// What a log of these roles reads.
    pub fn of(roles: &Roles) -> Self {
        Self { roles: Some(roles.clone()), ..Self::default() }
    }

    fn columns(&self) -> Option<Vec<String>> {
        let roles = || self.roles.as_ref().map(Roles::columns);
        let mut columns = self.columns.clone().or_else(roles)?;
        let mut seen = BTreeSet::new();
        columns.retain(|column| seen.insert(column.clone()));
        Some(columns)
    }
}

/// Files of one schema as a stream of batches, cut into pieces that can be read on their own and in any order.
pub struct Files {
    schema: SchemaRef,
    members: Vec<Member>,
    pieces: Vec<Piece>,
    rows: Option<u64>,
    origin: Origin,
    /// A column of CSV files of which a text was not of the type that the first rows had.
    misfit: Mutex<Option<String>>,
}

/// A file among the others.
struct Member {
    path: PathBuf,
    source: Box<dyn Source>,
    /// Where each column of the schema comes from.
    places: Vec<Place>,
    /// Positions in the file that are read, in order.
    positions: Vec<usize>,
}

enum Place {
    /// This one of the columns that are read.
    Read(usize),
    /// The same value in all rows, which stands in the path: a dictionary of one text, or of none.
    Path(ArrayRef),
}

struct Piece {
    member: usize,
    /// Number of the piece within its file.
    part: usize,
    first_row: Option<u64>,
    rows: Option<u64>,
}

/// One file of any kind.
trait Source: Send + Sync {
    /// All of its columns.
    fn fields(&self) -> Vec<FieldRef>;
    /// Its pieces in order, those that were not asked for as well.
    fn parts(&self) -> Vec<Part>;
    /// Reads a column as another type, where text is what the file holds; `false` where it is not.
    fn retype(&mut self, _position: usize, _data_type: &DataType) -> bool {
        false
    }
    /// Reads these columns of a part, in batches of at most [`BATCH_ROWS`] rows.
    fn read(
        &self,
        part: usize,
        positions: &[usize],
        cancel: &Cancel,
        take: &mut dyn FnMut(RecordBatch) -> Result<()>,
    ) -> std::result::Result<(), Stop>;
    /// What it is.
    fn facts(&self) -> Facts;
}

/// A piece of a file.
#[derive(Clone, Copy, Default)]
struct Part {
    /// Its rows, where known.
    rows: Option<u64>,
    /// That it was not asked for.
    left_out: Option<LeftOut>,
}

/// Rows that were not asked for.
#[derive(Clone, Copy)]
struct LeftOut {
    /// An instant of one of them, which decides how long was observed; none where it does not matter.
    time: Option<i64>,
}

/// What a file is.
#[derive(Default)]
struct Facts {
    kind: &'static str,
    compression: BTreeSet<String>,
    delimiter: Option<char>,
}

/// Why reading ended early.
enum Stop {
    Error(Error),
    /// A text of a CSV file is not of the type that the first rows had.
    Misfit {
        column: String,
        error: Error,
    },
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Files {
    /// Looks at the schemas and footers of files; reads no rows, but the first ones of a CSV file.
    pub fn open(paths: &[String], options: &Options, cancel: &Cancel) -> Result<Self> {
        on_pool(|| {
            let wanted = Wanted::of(options.roles.as_ref())?;
            let files = Self::open_here(paths, options, &wanted, cancel)?;
            if !files.pieces.is_empty() || wanted.event_column().is_none() {
                return Ok(files);
            }
            // Nothing has any of the events: who reads the others can tell which names there are.
            Self::open_here(paths, options, &wanted.of_any_event(), cancel)
        })
    }

    fn open_here(paths: &[String], options: &Options, wanted: &Wanted<'_>, cancel: &Cancel) -> Result<Self> {
        if paths.is_empty() {
            return Err(Error::Argument("no file to read: the list of paths is empty".into()));
        }
        let columns = options.columns();
        let mut later_us = None;
        let mut kept = Vec::new();
        let inside = wanted.may_leave_out_files(paths).then(|| columns_inside(&paths[0], options)).transpose()?;
        for path in paths {
            let partitions = Partitions::of(Path::new(path)).without(inside.as_deref().unwrap_or_default());
            match wanted.leaves_out_file(&partitions)? {
                None => kept.push((PathBuf::from(path), partitions)),
                Some(LeftOut { time }) => later_us = later_us.max(time),
            }
        }
        if kept.is_empty() {
            return Err(Error::Data(format!(
                "none of the {} files is left: by the partitions in their paths, such as {}, none holds what was asked \
                 for with start, end and events",
                paths.len(),
                paths[0]
            )));
        }
        let open = |(path, partitions): (PathBuf, Partitions)| -> Result<(PathBuf, Partitions, Box<dyn Source>)> {
            cancel.check()?;
            let source = open_one(&path, &partitions, columns.as_deref(), options, wanted)?;
            Ok((path, partitions, source))
        };
        let mut opened: Vec<_> = kept.into_par_iter().map(open).collect::<Result<_>>()?;
        let names = match columns {
            Some(columns) => columns,
            None => all_columns(&opened)?,
        };
        let mut found = Vec::with_capacity(opened.len());
        for (path, partitions, source) in &opened {
            found.push(names.iter().map(|name| find(name, path, partitions, source.as_ref())).collect::<Result<_>>()?);
        }
        let fields = unify::unify(&names, &found, &mut opened)?;
        let schema = Arc::new(Schema::new(fields));
        let mut files = Self {
            schema,
            members: Vec::with_capacity(opened.len()),
            pieces: Vec::new(),
            rows: None,
            origin: Origin { later_us, ..Origin::default() },
            misfit: Mutex::default(),
        };
        for ((path, partitions, source), found) in opened.into_iter().zip(found) {
            files.members.push(Member::new(path, &partitions, source, &names, &found));
        }
        files.cut();
        files.origin.description = files.describe(paths.len());
        Ok(files)
    }

    /// Lines up the pieces that were asked for.
    fn cut(&mut self) {
        let mut next_row = Some(0);
        let mut rows = Some(0);
        for (member, file) in self.members.iter().enumerate() {
            for (part, of) in file.source.parts().into_iter().enumerate() {
                match of.left_out {
                    None => {
                        self.pieces.push(Piece { member, part, first_row: next_row, rows: of.rows });
                        rows = rows.zip(of.rows).map(|(rows, more)| rows + more);
                    }
                    Some(LeftOut { time }) => {
                        let count = of.rows.unwrap_or_default();
                        self.origin.left_out += count;
                        // Times beyond the years of logs are in no log.
                        self.origin.later_us = self.origin.later_us.max(time.filter(|&time| time < LATEST_US));
                    }
                }
                next_row = next_row.zip(of.rows).map(|(row, more)| row + more);
            }
        }
        self.rows = rows;
    }

    /// Names and types of the columns asked for, the same for all files.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Number of pieces: row groups of Parquet that may hold what was asked for, files, runs of Arrow batches.
    pub fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// Rows of all pieces, where the files say it without being read.
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// The number, over all files, of the first row of a piece, where known.
    pub fn first_row(&self, piece: usize) -> Option<u64> {
        self.pieces[piece].first_row
    }

    /// Rows of a piece, where its file says it without being read.
    pub fn rows_of(&self, piece: usize) -> Option<u64> {
        self.pieces[piece].rows
    }

    /// The first rows of a piece, if it has any.
    pub fn first_batch(&self, piece: usize, cancel: &Cancel) -> Result<Option<RecordBatch>> {
        let mut first = None;
        // Reading ends as soon as it is told to.
        let ended = self.read(piece, cancel, &mut |batch| {
            first = Some(batch);
            Err(Error::Cancelled)
        });
        if first.is_some() { Ok(first) } else { ended.map(|()| None) }
    }

    /// What was found and left out: how many files of which kinds, rows not asked for, a later time among them.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Reads a piece in order, in batches of at most 65,536 rows. A text of a CSV file that is not of the type that the
    /// first rows have is an error; with its column in `as_text` it is read.
    pub fn read(&self, piece: usize, cancel: &Cancel, take: &mut dyn FnMut(RecordBatch) -> Result<()>) -> Result<()> {
        let Piece { member, part, .. } = self.pieces[piece];
        let member = &self.members[member];
        let read = member.source.read(part, &member.positions, cancel, &mut |batch| {
            cancel.check()?;
            take(member.adapted(&batch, &self.schema)?)
        });
        read.map_err(|stop| match stop {
            Stop::Error(error) => error,
            Stop::Misfit { column, error } => {
                *self.misfit.lock().unwrap_or_else(PoisonError::into_inner) = Some(column);
                error
            }
        })
    }

    fn describe(&self, files: usize) -> Value {
        let mut kinds = BTreeMap::<&str, u64>::new();
        let (mut compression, mut delimiters) = (BTreeSet::new(), BTreeSet::new());
        let (mut groups, mut groups_read) = (0, 0);
        for member in &self.members {
            let facts = member.source.facts();
            *kinds.entry(facts.kind).or_default() += 1;
            compression.extend(facts.compression);
            delimiters.extend(facts.delimiter);
            if facts.kind == parquet::KIND {
                let parts = member.source.parts();
                groups += parts.len();
                groups_read += parts.iter().filter(|part| part.left_out.is_none()).count();
            }
        }
        let in_path = |index: usize| self.members.iter().any(|member| matches!(member.places[index], Place::Path(_)));
        let fields = self.schema.fields().iter().enumerate().filter(|(index, _)| in_path(*index));
        json!({
            "files": files,
            "files_read": self.members.len(),
            "kinds": kinds,
            "compression": compression,
            "delimiters": delimiters,
            "row_groups": groups,
            "row_groups_read": groups_read,
            "partitions": fields.map(|(_, field)| field.name()).collect::<Vec<_>>(),
        })
    }
}

impl Member {
    fn new(path: PathBuf, partitions: &Partitions, source: Box<dyn Source>, names: &[String], found: &[Found]) -> Self {
        let inside = |found: &Found| match found {
            Found::Inside(position) => Some(*position),
            Found::Path => None,
        };
        let positions: Vec<usize> = found.iter().filter_map(inside).collect::<BTreeSet<_>>().into_iter().collect();
        let place = |(name, found): (&String, &Found)| match found {
            Found::Inside(position) => Place::Read(positions.partition_point(|other| other < position)),
            Found::Path => Place::Path(partitions.array(name)),
        };
        let places = names.iter().zip(found).map(place).collect();
        Self { path, source, places, positions }
    }

    /// A batch of this file with the columns of all files.
    fn adapted(&self, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
        let column = |(place, field): (&Place, &FieldRef)| match place {
            Place::Path(value) => {
                let column = partitions::repeated(value, batch.num_rows())?;
                unify::converted(&column, field, &self.path)
            }
            Place::Read(index) => unify::converted(batch.column(*index), field, &self.path),
        };
        let columns = self.places.iter().zip(schema.fields()).map(column).collect::<Result<Vec<_>>>()?;
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
    }
}

/// Where a column of a file is.
#[derive(Clone, Copy)]
enum Found {
    Inside(usize),
    Path,
}

/// Names of the columns that a file has itself; they come before those in its path.
fn columns_inside(path: &str, options: &Options) -> Result<Vec<String>> {
    let source = open_one(Path::new(path), &Partitions::default(), None, options, &Wanted::of(None)?)?;
    Ok(source.fields().iter().map(|field| field.name().clone()).collect())
}

/// Opens a file of the kind that its name says.
fn open_one(
    path: &Path,
    partitions: &Partitions,
    columns: Option<&[String]>,
    options: &Options,
    wanted: &Wanted<'_>,
) -> Result<Box<dyn Source>> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
    if ends(&[".parquet", ".pq"]) {
        Ok(Box::new(parquet::Parquet::open(path, partitions, options.roles.as_ref(), wanted)?))
    } else if ends(&[".csv", ".csv.gz", ".tsv", ".tsv.gz"]) {
        Ok(Box::new(csv::Csv::open(path, columns, options)?))
    } else if ends(&[".arrow", ".feather", ".ipc", ".arrows"]) {
        Ok(Box::new(ipc::Ipc::open(path)?))
    } else {
        Err(Error::Argument(format!(
            "{}: the kind of file is not known by its name; expected .parquet, .pq, .csv, .csv.gz, .tsv, .tsv.gz, \
             .arrow, .feather or .ipc",
            path.display()
        )))
    }
}

/// The columns of the first file, which all others must have too, and no others.
fn all_columns(opened: &[(PathBuf, Partitions, Box<dyn Source>)]) -> Result<Vec<String>> {
    let names = |(_, partitions, source): &(PathBuf, Partitions, Box<dyn Source>)| -> Vec<String> {
        let inside: Vec<String> = source.fields().iter().map(|field| field.name().clone()).collect();
        let in_path: Vec<String> = partitions.keys().filter(|key| !inside.iter().any(|name| name == key)).collect();
        inside.into_iter().chain(in_path).collect()
    };
    let first = names(&opened[0]);
    for file in &opened[1..] {
        if let Some(more) = names(file).iter().find(|name| !first.contains(name)) {
            return Err(Error::Data(format!(
                "the files do not agree: {} has the column \"{more}\", but {} has not (its columns: {})",
                file.0.display(),
                opened[0].0.display(),
                first.join(", ")
            )));
        }
    }
    Ok(first)
}

fn find(name: &str, path: &Path, partitions: &Partitions, source: &dyn Source) -> Result<Found> {
    let fields = source.fields();
    let mut inside = fields.iter().enumerate().filter(|(_, field)| field.name() == name);
    match (inside.next(), inside.next()) {
        (Some((position, _)), None) => Ok(Found::Inside(position)),
        (Some(_), Some(_)) => Err(Error::Data(format!(
            "{}: the column name \"{name}\" stands twice; rename one of the two",
            path.display()
        ))),
        (None, _) if partitions.has(name) => Ok(Found::Path),
        (None, _) => {
            let keys: Vec<String> = partitions.keys().collect();
            let names: Vec<&str> =
                fields.iter().map(|field| field.name().as_str()).chain(keys.iter().map(String::as_str)).collect();
            Err(Error::UnknownColumn(format!(
                "{} has no column \"{name}\"{} (columns: {}){}",
                path.display(),
                did_you_mean(name, names.iter().copied()),
                names.join(", "),
                source.facts().delimiter.map_or(String::new(), |delimiter| format!(
                    "; its fields were taken to be separated by {delimiter:?}, another one can be given with delimiter="
                ))
            )))
        }
    }
}

fn failed(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::File(format!("{}: {error}", path.display()))
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| failed(path, error))
}

/// What a decoder does with a damaged file, a panic as well, is an error that names the file, and prints nothing.
fn contained<T>(path: &Path, work: impl FnOnce() -> std::result::Result<T, Stop>) -> std::result::Result<T, Stop> {
    let outcome = crate::error::contained(work);
    outcome.unwrap_or_else(|| Err(failed(path, "the file is damaged: its decoder gave up").into()))
}

/// Builds the log of files: straight from their pieces where that can be done, else from all rows in memory.
pub fn build(paths: &[String], options: &Options, cancel: &Cancel) -> Result<EventLog> {
    let roles = options.roles.as_ref().ok_or_else(|| Error::Argument("the roles are not given".into()))?;
    with_files(paths, options, cancel, |files| {
        on_pool(|| match super::fused::build(files, roles, cancel)? {
            Some(log) => Ok(log),
            None => super::build_here(&files.table(cancel)?, roles, cancel),
        })
    })
}

/// Reads files as one table, one file after the other.
pub fn read(paths: &[String], options: &Options, cancel: &Cancel) -> Result<Table> {
    with_files(paths, options, cancel, |files| files.table(cancel))
}

/// Works on files. Where a later row does not fit the type of the first ones, it works on them anew, and what is read of
/// that column is text.
pub fn with_files<T>(
    paths: &[String],
    options: &Options,
    cancel: &Cancel,
    mut work: impl FnMut(&Files) -> Result<T>,
) -> Result<T> {
    let mut options = options.clone();
    loop {
        let mut files = Files::open(paths, &options, cancel)?;
        let outcome = work(&files);
        match files.misfit.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            Some(column) if outcome.is_err() && !options.as_text.contains(&column) => options.as_text.push(column),
            _ => return outcome,
        }
    }
}

impl Files {
    /// Where the rows come from, after all pieces were read, which have so many rows.
    pub fn whole(&self, rows_of_pieces: &[u64]) -> Origin {
        let mut origin = self.origin.clone();
        let (mut next, mut rows, mut skipped) = (0, 0, 0);
        for part in self.members.iter().flat_map(|member| member.source.parts()) {
            if part.left_out.is_some() {
                skipped += part.rows.unwrap_or_default();
                origin.gaps.push((rows, skipped));
            } else {
                rows += rows_of_pieces[next];
                next += 1;
            }
        }
        origin
    }

    /// All rows in memory.
    fn table(&self, cancel: &Cancel) -> Result<Table> {
        cancel.begin(Stage::Reading, self.rows());
        let read = |piece: usize| {
            let mut batches = Vec::new();
            let read = self.read(piece, cancel, &mut |batch| {
                cancel.advance(batch.num_rows())?;
                batches.push(batch);
                Ok(())
            });
            read.map(|()| batches)
        };
        let pieces = on_pool(|| Ok((0..self.pieces()).into_par_iter().map(read).collect::<Vec<_>>()))?;
        let pieces: Vec<Vec<RecordBatch>> = pieces.into_iter().collect::<Result<_>>()?;
        let rows = pieces.iter().map(|batches| batches.iter().map(|batch| batch.num_rows() as u64).sum());
        let origin = self.whole(&rows.collect::<Vec<_>>());
        Ok(Table::new(Arc::clone(&self.schema), pieces.into_iter().flatten().collect()).with_origin(origin))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::Int64Type;

    use super::*;

    #[test]
    fn pieces_come_in_batches_of_bounded_size_and_know_their_first_rows() {
        let folder = std::env::temp_dir().join(format!("safar-files-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let cancel = Cancel::default();
        let rows = |start: i64| {
            let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(start..start + 150_000));
            Table::from_batch(RecordBatch::try_from_iter([("row", numbers)]).unwrap())
        };
        let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
        let mut paths = vec![path("a.parquet"), path("b.parquet"), path("c.csv")];
        write_parquet(&rows(0), Path::new(&paths[0]), &cancel).unwrap();
        write_parquet(&rows(150_000), Path::new(&paths[1]), &cancel).unwrap();
        std::fs::write(&paths[2], "row\n300000\n").unwrap();
        let files = Files::open(&paths, &Options::default(), &cancel).unwrap();
        assert_eq!((files.pieces(), files.rows()), (3, None));
        assert_eq!(
            (0..3).map(|piece| files.first_row(piece)).collect::<Vec<_>>(),
            [Some(0), Some(150_000), Some(300_000)]
        );
        // In any order; each knows where it begins.
        for piece in [1, 2, 0] {
            let mut next = files.first_row(piece).unwrap() as i64;
            let take = &mut |batch: RecordBatch| {
                assert!(batch.num_rows() <= BATCH_ROWS);
                assert_eq!(&batch.schema(), files.schema());
                for &row in batch.column(0).as_primitive::<Int64Type>().values() {
                    assert_eq!(row, next);
                    next += 1;
                }
                Ok(())
            };
            files.read(piece, &cancel, take).unwrap();
        }
        paths.pop();
        assert_eq!(Files::open(&paths, &Options::default(), &cancel).unwrap().rows(), Some(300_000));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
