//! The paths that a source file names.

/// A source text without comments, string contents, and the test module at its end.
pub(crate) fn code(source: &str) -> String {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut code = String::with_capacity(source.len());
    let mut rest = source.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('/', Some('/')) => while rest.next_if(|c| *c != '\n').is_some() {},
            ('/', Some('*')) => {
                let mut last = ' ';
                for c in rest.by_ref() {
                    if (last, c) == ('*', '/') {
                        break;
                    }
                    last = c;
                }
            }
            // The quotation mark as a character begins no string.
            ('\'', Some('"')) => drop(rest.nth(1)),
            ('"', _) => skip_string(&code, &mut rest),
            _ => code.push(c),
        }
    }
    code
}

/// Skips to the end of a string, which is raw where `before` ends in `r`, or in `r#` with as many `#` as you like.
fn skip_string(before: &str, rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let named = before.trim_end_matches('#');
    let (hashes, is_raw) = (before.len() - named.len(), named.ends_with('r'));
    while let Some(c) = rest.next() {
        match c {
            '\\' if !is_raw => drop(rest.next()),
            '"' => {
                let mut closing = 0;
                while is_raw && closing < hashes && rest.next_if_eq(&'#').is_some() {
                    closing += 1;
                }
                if !is_raw || closing == hashes {
                    return;
                }
            }
            _ => {}
        }
    }
}

/// The modules below the crate's root that a code names, for a file that is the module `own`: `["table", "reader"]` for
/// `crate::table::reader::Reader`, or for `super::reader::Reader` within `table/encode.rs`. The last parts may be items.
pub(crate) fn named(code: &str, own: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for root in ["crate", "super", "self"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let Some(rest) = code[at + root.len()..].trim_start().strip_prefix("::") else { continue };
            let start = match root {
                "crate" => Vec::new(),
                "super" => own[..own.len().saturating_sub(1)].to_vec(),
                _ => own.to_vec(),
            };
            tree(rest, start, &mut found);
        }
    }
    found
}

/// Reads what follows a `::`: a name, or a group in braces, and returns what comes after it.
fn tree<'a>(rest: &'a str, mut path: Vec<String>, found: &mut Vec<Vec<String>>) -> &'a str {
    let rest = rest.trim_start();
    if let Some(mut rest) = rest.strip_prefix('{') {
        loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            let before = rest.len();
            rest = tree(rest, path.clone(), found).trim_start().trim_start_matches(',');
            if rest.len() == before {
                // What is no tree of names is left alone.
                return rest;
            }
        }
    }
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    match name {
        "" => return after,
        "super" => drop(path.pop()),
        "self" => {}
        name => path.push(name.to_owned()),
    }
    if let Some(rest) = after.strip_prefix("::") {
        return tree(rest, path, found);
    }
    found.push(path);
    // A new name after `as` belongs to the same leaf.
    let renamed = after.trim_start().strip_prefix("as ").map(str::trim_start);
    renamed.map_or(after, |rest| rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(code: &str, own: &[&str]) -> Vec<String> {
        let own: Vec<String> = own.iter().map(|&part| part.to_owned()).collect();
        named(code, &own).iter().map(|path| path.join("::")).collect()
    }

    #[test]
    fn paths_are_read_out_of_groups_and_from_where_they_stand() {
        let code =
            "use crate::{data::{self, Batch as B, table::Reader}, error};\nlet a = super::places::Row;";
        let found = names(code, &["task", "table"]);
        assert_eq!(found, ["data", "data::Batch", "data::table::Reader", "error", "task::places::Row"]);
        assert_eq!(
            names("use super::super::run; use self::pick;", &["task", "table"]),
            ["run", "task::table::pick"]
        );
        assert!(names("use their_crate::x; mycrate::y(); $crate::z()", &[]).contains(&"z".to_owned()));
    }

    #[test]
    fn what_is_no_code_names_nothing() {
        let source = "// crate::a\n/* crate::b */ let s = \"crate::c \\\" crate::d\"; '\"'; crate::e::f();\n\
                      r#\"crate::h \" crate::i\"#;\n\
                      #[cfg(test)]\nmod tests { use crate::g; }";
        assert_eq!(names(&code(source), &[]), ["e::f"]);
    }
}
