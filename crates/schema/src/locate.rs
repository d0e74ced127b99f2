//! Where in a file something stands, for people who have to mend it.

/// The line of a place such as `fields[3].meta` or `fields (devices.imei)`, from 1; none where the
/// text is not YAML in blocks, as Directus and we write it.
pub fn line_of(text: &str, place: &str) -> Option<usize> {
    let section_end = place.find(['[', ' ', '.']).unwrap_or(place.len());
    let section = &place[..section_end];
    let mut lines = text.lines().enumerate().skip_while(|(_, line)| !is_key(line, section));
    let (heading, _) = lines.next()?;
    let within = lines.take_while(|(_, line)| line.starts_with([' ', '-']));
    let rest = &place[section_end..];
    let index =
        rest.strip_prefix('[').and_then(|rest| rest.split(']').next()?.parse::<usize>().ok());
    let name = rest.split_once('(').and_then(|(_, rest)| rest.split(')').next());
    let mut entries = Vec::new();
    for (number, line) in within {
        let trimmed = line.trim_start();
        if line.len() - trimmed.len() <= 2
            && let Some(first) = trimmed.strip_prefix("- ")
        {
            entries.push((number, Vec::new()));
            if let Some((_, keys)) = entries.last_mut() {
                keys.push(first);
            }
        } else if let Some((_, keys)) = entries.last_mut()
            && line.len() - trimmed.len() <= 4
        {
            keys.push(trimmed);
        }
    }
    let found = match (name, index) {
        (Some(name), _) => {
            let (collection, field) =
                name.split_once('.').map_or((name, None), |(of, field)| (of, Some(field)));
            let says = |keys: &[&str], key, value| {
                keys.iter().any(|line| value_of(line, key) == Some(value))
            };
            // The last one: of two with a name it is the second that is too many.
            entries.iter().rev().find(|(_, keys)| {
                says(keys, "collection", collection)
                    && field.is_none_or(|field| says(keys, "field", field))
            })
        }
        (None, Some(index)) => entries.get(index),
        (None, None) => return Some(heading + 1),
    };
    found.map(|(number, _)| number + 1)
}

fn is_key(line: &str, key: &str) -> bool {
    line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'))
}

fn value_of<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let value = line.strip_prefix(key)?.strip_prefix(':')?.trim();
    Some(value.trim_matches(['\'', '"']))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "version: 1\ncollections:\n  - collection: a\n    meta:\n      collection: b\n  - collection: b\nfields:\n  - collection: a\n    field: x\n  - collection: a\n    field: 'y'\n";

    #[test]
    fn a_place_has_its_line() {
        for (place, line) in [
            ("version", Some(1)),
            ("collections", Some(2)),
            ("collections[1] (b)", Some(6)),
            ("collections (b).meta", Some(6)),
            ("fields[0]", Some(8)),
            ("fields[1].schema", Some(10)),
            ("fields (a.y).schema", Some(10)),
            ("fields (a.z)", None),
            ("relations[0]", None),
        ] {
            assert_eq!(line_of(TEXT, place), line, "{place}");
        }
        assert_eq!(line_of("{\"version\": 1}", "collections[0]"), None);
    }
}
