use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn code(text: &str) -> DivisionCode {
    text.parse().unwrap()
}

#[test]
fn codes_of_every_level() {
    let cases = [
        ("52", "520000000000", Level::Province, None),
        ("5201", "520100000000", Level::Prefecture, Some("52")),
        ("520102", "520102000000", Level::County, Some("5201")),
        ("520102016", "520102016000", Level::Township, Some("520102")),
        (
            "520102016001",
            "520102016001",
            Level::Village,
            Some("520102016"),
        ),
    ];
    for (short, long, level, parent) in cases {
        let parsed = code(short);
        assert_eq!(parsed, code(long));
        assert_eq!(parsed.to_string(), long);
        assert_eq!(parsed.path_prefix(), short);
        assert_eq!(parsed.level(), level);
        assert_eq!(parsed.parent(), parent.map(code));
        let json = serde_json::to_string(&parsed).unwrap();
        assert_eq!(json, format!("\"{long}\""));
        assert_eq!(serde_json::from_str::<DivisionCode>(&json).unwrap(), parsed);
    }
    assert_eq!(code("520000"), DivisionCode::GUIZHOU);
    assert_eq!(code("520102016001").county_digits(), 520_102);
}

#[test]
fn bad_codes_are_refused_with_their_reason() {
    let cases = [
        ("", DivisionCodeError::Length),
        ("520", DivisionCodeError::Length),
        ("5201020160011", DivisionCodeError::Length),
        ("52010a", DivisionCodeError::Character),
        ("５２", DivisionCodeError::Character),
        ("+52", DivisionCodeError::Character),
        ("00", DivisionCodeError::Province),
        ("99", DivisionCodeError::Province),
        ("520002", DivisionCodeError::Gap),
        ("520102000001", DivisionCodeError::Gap),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<DivisionCode>(), Err(error), "{text}");
    }
    assert_eq!(
        DivisionCode::from_number(1_520_000_000_000),
        Err(DivisionCodeError::Length)
    );
}

#[test]
fn a_prefecture_may_have_townships_directly() {
    let township = code("441900003000");
    assert_eq!(township.level(), Level::Township);
    assert_eq!(township.parent(), Some(code("4419")));
    assert_eq!(township.ancestor(Level::County), None);
    assert!(code("4419").contains(township));
}

#[test]
fn scope_is_containment() {
    let county = code("520102");
    assert!(county.contains(county));
    assert!(county.contains(code("520102016001")));
    assert!(!county.contains(code("520103")));
    assert!(!county.contains(code("5201")));
    assert_eq!(
        county.bounds(),
        ("520102000000".into(), "520102999999".into())
    );
    assert_eq!(
        code("520102016001").ancestor(Level::Prefecture),
        Some(code("5201"))
    );
    assert_eq!(code("5201").ancestor(Level::Village), None);
}

#[test]
fn guizhou_is_whole() {
    let divisions = Divisions::guizhou();
    let counts = Level::ALL.map(|level| divisions.count(level));
    assert_eq!(counts, [1, 9, 88, 1510, 17_964]);
    for level in Level::ALL {
        for (code, name) in divisions.within(DivisionCode::GUIZHOU, level) {
            assert_eq!(code.level(), level, "{code}");
            assert!(!name.is_empty() && code.to_string().parse() == Ok(code));
            assert_eq!(divisions.parent(code).is_none(), level == Level::Province);
        }
    }
    let children: usize = divisions
        .within(DivisionCode::GUIZHOU, Level::Township)
        .map(|(township, _)| divisions.children(township).len())
        .sum();
    assert_eq!(children, 17_964);
}

#[test]
fn names_and_children() {
    let divisions = Divisions::guizhou();
    assert_eq!(divisions.name(code("520102")), Some("南明区"));
    assert_eq!(
        divisions.full_name(code("520102016001")).as_deref(),
        Some("贵州省贵阳市南明区新华路街道纪念塔社区")
    );
    assert_eq!(divisions.full_name(code("520522")), None);
    assert!(!divisions.exists(code("4419")));
    assert_eq!(divisions.children(DivisionCode::GUIZHOU).len(), 9);
    let first = divisions.children(code("5201")).next();
    assert_eq!(first, Some((code("520102"), "南明区")));
    assert_eq!(divisions.children(code("520102016001")).len(), 0);
    let own = divisions.within(code("520102"), Level::County).next();
    assert_eq!(own, Some((code("520102"), "南明区")));
    assert_eq!(divisions.within(code("520102016"), Level::County).len(), 0);
}

#[test]
fn codes_travel_in_time() {
    let cases = [
        // 黔西县 became 黔西市 in 2021, and was 522423 before 2011.
        ("520522", date(2022, 1, 1), Ok("520581")),
        ("520522", date(2020, 12, 31), Ok("520522")),
        ("520581", date(2015, 6, 1), Ok("520522")),
        ("520581", date(2005, 6, 1), Ok("522423")),
        ("522423", date(2026, 1, 1), Ok("520581")),
        // 盘县特区, 盘县, 盘州市.
        ("520202", date(2026, 1, 1), Ok("520281")),
        // Merged into 花溪区.
        ("520114", date(2012, 1, 1), Ok("520111")),
        ("520111", date(2005, 1, 1), Ok("520111")),
        ("522201", date(2026, 1, 1), Ok("520602")),
        ("522400", date(2026, 1, 1), Ok("520500")),
        ("52", date(1950, 1, 1), Ok("52")),
        // Carved out of others: nothing stands for it before.
        (
            "520303",
            date(2000, 1, 1),
            Err(ResolveError::NotInForce(date(2000, 1, 1))),
        ),
        ("520199", date(2020, 1, 1), Err(ResolveError::Unknown)),
        ("110101", date(2020, 1, 1), Err(ResolveError::Unknown)),
        ("520102099", date(2020, 1, 1), Err(ResolveError::Unknown)),
    ];
    for (text, as_of, expected) in cases {
        let resolved = Divisions::guizhou().resolve(code(text), as_of);
        let expected = expected.map(|text| Resolution::Exact(code(text)));
        assert_eq!(resolved, expected, "{text} on {as_of}");
    }
}

#[test]
fn below_a_changed_county_only_the_county_is_told() {
    let divisions = Divisions::guizhou();
    let resolve = |text, as_of| divisions.resolve(code(text), as_of).unwrap();
    assert_eq!(
        resolve("520522001", date(2022, 1, 1)),
        Resolution::Within(code("520581"))
    );
    assert_eq!(
        resolve("520581001", date(2015, 1, 1)),
        Resolution::Within(code("520522"))
    );
    assert_eq!(
        resolve("520581001", date(2022, 1, 1)),
        Resolution::Exact(code("520581001"))
    );
}

#[test]
fn old_codes_keep_their_names() {
    let divisions = Divisions::guizhou();
    assert_eq!(
        divisions.name_on(code("522300"), date(1980, 1, 1)),
        Some("兴义地区")
    );
    assert_eq!(
        divisions.name_on(code("522300"), date(1981, 1, 1)),
        Some("黔西南布依族苗族自治州")
    );
    assert!(divisions.ever_in_force(code("522224")));
    assert!(!divisions.ever_in_force(code("522999")));
}

proptest! {
    #[test]
    fn any_text_is_a_code_or_refused(text in "[0-9]{0,13}|\\PC{0,8}") {
        if let Ok(code) = text.parse::<DivisionCode>() {
            prop_assert!(code.to_string().starts_with(&text));
            prop_assert_eq!(code.path_prefix().parse::<DivisionCode>(), Ok(code));
        }
    }

    #[test]
    fn containment_is_the_common_prefix(a in 0usize..19_000, b in 0usize..19_000) {
        let all: Vec<DivisionCode> = Level::ALL
            .into_iter()
            .flat_map(|level| Divisions::guizhou().within(DivisionCode::GUIZHOU, level))
            .map(|(code, _)| code)
            .collect();
        let (a, b) = (all[a], all[b]);
        prop_assert_eq!(a.contains(b), b.to_string().starts_with(&a.path_prefix()));
        let (low, high) = a.bounds();
        let text = b.to_string();
        prop_assert_eq!(a.contains(b), low <= text && text <= high);
        prop_assert_eq!(a.ancestor(Level::Prefecture).is_some_and(|outer| outer.contains(a)), a.level() > Level::Province);
    }

    #[test]
    fn resolving_is_stable(row in 0usize..88, year in 1950i16..2030) {
        let divisions = Divisions::guizhou();
        let (code, _) = divisions.within(DivisionCode::GUIZHOU, Level::County).nth(row).unwrap();
        if let Ok(then) = divisions.resolve(code, date(year, 7, 1)) {
            prop_assert_eq!(divisions.resolve(then.code(), date(year, 7, 1)), Ok(then));
        }
    }
}
