//! Values for columns of any type: SQL literals that differ from row to row.

/// A value of a type, as PostgreSQL's `format_type` writes it, for row 0, 1, 2 …; none for a type
/// that is not known here. Texts are as long and numbers as precise as the type allows, so that a
/// change that cuts something cuts it here.
pub(super) fn value(of: &str, data_type: &str, row: u32) -> Option<String> {
    let (name, arguments) = split(data_type);
    let first = |or: usize| arguments.first().and_then(|text| text.parse().ok()).unwrap_or(or);
    let n = row + 1;
    let text = match name {
        "boolean" => row.is_multiple_of(2).to_string(),
        "smallint" | "integer" | "bigint" => n.to_string(),
        "real" | "double precision" => format!("{n}.25"),
        "numeric" => decimal(first(12), arguments.get(1).and_then(|text| text.parse().ok()), n),
        "character varying" | "character" | "text" | "citext" => words(of, first(400), n),
        "uuid" => format!("{:08x}-0000-4000-8000-{n:012x}", of.bytes().fold(7, mix)),
        "date" => format!("2024-02-{:02}", 1 + row % 28),
        "time without time zone" | "time with time zone" => format!("12:00:{:02}.123456", row % 60),
        "timestamp without time zone" | "timestamp with time zone" => {
            format!("2024-02-29T12:00:{:02}.123456Z", row % 60)
        }
        "interval" => format!("{n} days"),
        "json" | "jsonb" => format!(r#"{{"row": {n}, "ü": [null, true, 1.5, "\\"]}}"#),
        "bytea" => format!("\\x00ff{n:08x}"),
        "inet" | "cidr" => format!("192.0.2.{}", n % 256),
        "geometry" | "geography" => geometry(&arguments, row)?,
        array if array.ends_with("[]") => "{}".to_owned(),
        _ => return None,
    };
    Some(format!("{}::{data_type}", literal(&text)))
}

/// A text as SQL writes it.
pub(super) fn literal(text: &str) -> String {
    // With backslashes taken as they come, whatever the server's setting.
    if text.contains('\\') {
        return format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
    }
    format!("'{}'", text.replace('\'', "''"))
}

fn mix(hash: u32, byte: u8) -> u32 {
    hash.wrapping_mul(31).wrapping_add(u32::from(byte))
}

/// The name of a type without its schema, and what stands in brackets: `numeric(10,5)`,
/// `timestamp(3) with time zone`.
fn split(data_type: &str) -> (&str, Vec<&str>) {
    let known = data_type.rsplit_once('.').filter(|(schema, _)| !schema.contains('('));
    let data_type = known.map_or(data_type, |(_, name)| name);
    let Some((name, rest)) = data_type.split_once('(') else { return (data_type, Vec::new()) };
    let (arguments, after) = rest.split_once(')').unwrap_or((rest, ""));
    let name = match (name, after) {
        ("timestamp", " with time zone") => "timestamp with time zone",
        ("timestamp", _) => "timestamp without time zone",
        ("time", " with time zone") => "time with time zone",
        ("time", _) => "time without time zone",
        _ => name,
    };
    (name, arguments.split(',').map(str::trim).collect())
}

/// With every digit behind the point used; without a scale it has some.
fn decimal(precision: usize, scale: Option<usize>, n: u32) -> String {
    let scale = scale.unwrap_or(5).min(precision);
    let mut digits = n.to_string();
    // The row's number comes last, so that rows differ however few digits there are.
    let filled = precision.min(scale + 3).saturating_sub(digits.len());
    digits.insert_str(0, &"1".repeat(filled));
    let digits = &digits[digits.len().saturating_sub(precision)..];
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(scale));
    let whole = if whole.is_empty() { "0" } else { whole };
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction:0>scale$}") }
}

/// A text of exactly so many characters, of one to three bytes each, that ends with the row.
fn words(of: &str, length: usize, n: u32) -> String {
    let end = n.to_string();
    let end: String = end.chars().skip(end.len().saturating_sub(length)).collect();
    let filled = length.saturating_sub(end.len());
    let start = format!("'\\ Zürich — {of} ");
    start.chars().cycle().take(filled).chain(end.chars()).collect()
}

fn geometry(arguments: &[&str], row: u32) -> Option<String> {
    let shape = arguments.first().copied().unwrap_or("Geometry").to_lowercase();
    let srid = arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or(4326);
    let (x, y) = (8 + row, 47);
    let line = format!("{x} {y}, {x} {}, {}.5 {}", y + 1, x + 1, y + 1);
    let ring = format!("(({line}, {x} {y}))");
    let wkt = match shape.as_str() {
        "point" | "geometry" => format!("POINT({x} {y})"),
        "multipoint" => format!("MULTIPOINT({line})"),
        "linestring" => format!("LINESTRING({line})"),
        "multilinestring" => format!("MULTILINESTRING(({line}))"),
        "polygon" => format!("POLYGON{ring}"),
        "multipolygon" => format!("MULTIPOLYGON({ring})"),
        "geometrycollection" => format!("GEOMETRYCOLLECTION(POINT({x} {y}))"),
        _ => return None,
    };
    Some(format!("SRID={srid};{wkt}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(data_type: &str, row: u32) -> String {
        value("devices.imei", data_type, row).expect("a value")
    }

    #[test]
    fn texts_fill_their_column_and_differ() {
        let text = of("character varying(20)", 0);
        let text = text.strip_prefix("E'").expect("a literal").split_once("'::").expect("a type").0;
        let text = text.replace("\\\\", "\\").replace("''", "'");
        assert_eq!(text.chars().count(), 20, "{text}");
        assert_ne!(of("character varying(20)", 0), of("character varying(20)", 1));
        assert_eq!(of("character varying(1)", 1), "'2'::character varying(1)");
        assert!(of("text", 0).len() > 255);
    }

    #[test]
    fn decimals_use_their_digits_and_fit() {
        assert_eq!(of("numeric(10,5)", 0), "'111.11111'::numeric(10,5)");
        assert_eq!(of("numeric(10,5)", 1), "'111.11112'::numeric(10,5)");
        assert_eq!(of("numeric(3,3)", 2), "'0.113'::numeric(3,3)");
        assert_eq!(of("numeric(2,0)", 2), "'13'::numeric(2,0)");
        assert_eq!(of("numeric", 2), "'111.11113'::numeric");
    }

    #[test]
    fn times_and_shapes_have_their_brackets_read() {
        assert!(of("timestamp(3) with time zone", 1).starts_with("'2024-02-29T12:00:01.123456Z'"));
        assert_eq!(
            of("postgis.geometry(Point,4326)", 0),
            "'SRID=4326;POINT(8 47)'::postgis.geometry(Point,4326)"
        );
        assert_eq!(
            of("geometry(Polygon,2056)", 0),
            "'SRID=2056;POLYGON((8 47, 8 48, 9.5 48, 8 47))'::geometry(Polygon,2056)"
        );
    }

    #[test]
    fn a_type_that_is_not_known_has_no_value() {
        assert_eq!(value("a.b", "tsvector", 0), None);
        assert_eq!(value("a.b", "geometry(TIN)", 0), None);
    }

    #[test]
    fn json_has_what_a_careless_copy_would_change() {
        assert_eq!(of("json", 0), r#"E'{"row": 1, "ü": [null, true, 1.5, "\\\\"]}'::json"#);
    }
}
