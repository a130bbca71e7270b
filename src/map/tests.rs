//! What a map's text may say, and where what is wrong with it stands.

use proptest::prelude::*;

use super::*;
use crate::calendar::Zone;

const START: &str = "version = 1\n[[stage]]\nid = \"a\"\n";

fn problems(text: &str) -> Vec<Problem> {
    match JourneyMap::parse(text, "journey.toml") {
        Err(Error::Map(file, problems)) => {
            assert_eq!(file, "journey.toml");
            problems
        }
        other => panic!("{other:?}"),
    }
}

fn places(problems: &[Problem]) -> Vec<(usize, usize)> {
    problems.iter().map(|problem| (problem.line, problem.column)).collect()
}

#[test]
fn lines_and_columns_count_characters_from_one() {
    let found = located("ab\nآگاهی x\n", "f", vec![(14, "x".into()), (1, "b".into()), (3, "آ".into())]);
    let Error::Map(_, found) = found else { panic!("{found}") };
    assert_eq!(places(&found), [(1, 2), (2, 1), (2, 7)]);
}

#[test]
fn a_condition_is_placed_in_the_file_by_its_letters_and_by_its_start_where_it_is_escaped() {
    for (written, place) in [
        ("\"value > >\"", (7, 18)),
        ("'value > >'", (7, 18)),
        ("\"\"\"\nvalue\n> >\"\"\"", (9, 3)),
        ("'''value > >'''", (7, 20)),
        ("\"val\\u0075e > >\"", (7, 9)),
    ] {
        let text = format!("{START}[[touchpoint]]\nid = \"t\"\nstage = \"a\"\nwhere = {written}\n");
        assert_eq!(places(&problems(&text)), [place], "{written}");
    }
}

#[test]
fn everything_is_said_in_the_order_of_the_file() {
    let found = problems("version = 2\nname = 3\n[[stage]]\n[[kpi]]\nid = \"k\"\nreview = \"weak\"\n");
    assert_eq!(places(&found), [(1, 11), (2, 8), (3, 1), (4, 1), (6, 10)]);
    assert!(found[4].message.contains("did you mean \"week\""), "{}", found[4].message);
}

#[test]
fn what_a_map_says_is_told_with_the_keys_of_its_file() {
    let map = JourneyMap::parse(&format!("{START}name = {{ fa = \"آگاهی\" }}\n"), "f").unwrap();
    let told = map.describe().unwrap();
    assert_eq!(told["stage"][0]["name"]["fa"], "آگاهی");
    let keys: Vec<&String> = told.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["channel", "currency", "designed", "inputs", "kpi", "name", "plan", "stage", "touchpoint"]);
}

/// 2026-03-21 00:00 in Tehran.
const NOWRUZ_US: i64 = 1_774_038_600_000_000;

#[test]
fn a_jalali_date_is_its_day_in_the_zone_of_the_log() {
    let tehran = Zone::new("Asia/Tehran").unwrap();
    for written in ["1405-01-01", "1405/1/1", " ۱۴۰۵/۰۱/۰۱ ", "١٤٠٥-٠١-٠١"] {
        let moment = Moment::jalali(written).unwrap();
        assert_eq!(moment.instant(&tehran), NOWRUZ_US, "{written}");
        assert_eq!(moment.text(), "1405-01-01");
    }
    for written in ["", "1405", "1405-01", "1405-01-01-01", "1405-1-", "-1405-01-01", "14050-1-1", "1405-001-01"] {
        assert!(Moment::jalali(written).unwrap_err().contains("is no date"), "{written}");
    }
}

#[test]
fn a_gregorian_date_with_an_offset_is_an_instant() {
    let tehran = Zone::new("Asia/Tehran").unwrap();
    for (written, us) in [
        ("2026-03-21", NOWRUZ_US),
        ("2026-03-21T00:00:00.5", NOWRUZ_US + 500_000),
        ("2026-03-20T20:30:00Z", NOWRUZ_US),
        ("2026-03-21T01:30:00+05:00", NOWRUZ_US),
    ] {
        assert_eq!(Moment::gregorian(&written.parse().unwrap()).unwrap().instant(&tehran), us, "{written}");
    }
    assert!(Moment::gregorian(&"10:30:00".parse().unwrap()).is_err());
}

#[test]
fn a_length_is_a_number_and_a_unit() {
    for written in ["1s", "30m", "2h", " 7d ", "52w"] {
        assert!(Length::parse(written).is_ok(), "{written}");
    }
    for written in ["", "7", "d", "7 d", "-7d", "7.5d", "0d", "999999999999999999w", "99999999999999999999d", "60000w"]
    {
        assert!(Length::parse(written).is_err(), "{written}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "version", "name", "stage", "[[stage]]", "[[touchpoint]]", "[[kpi]]", "[[designed]]", "[plan]", "id",
                "event", "channel", "where", "from", "until", "cost", "target", "unit", "within", "=", "\n", "1", "\"a\"",
                "[", "]", "{", "}", "1405-01-01", "\"1405-01-01\"", "'''", "آ", "#", ",", "true", "inf",
            ]),
            0..60,
        ),
    ) {
        let _ = JourneyMap::parse(&words.join(" "), "f");
    }
}
