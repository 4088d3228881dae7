//! Reading no more of a list than a file can rightly hold: a run's folder may come from a stranger.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// Entries of a list for which memory is set aside before they are read.
const SET_ASIDE: usize = 1024;

/// Reads a list of at most `MOST` entries: a short text may otherwise stand for very many that are large in memory.
pub(crate) fn at_most<'de, const MOST: usize, T, D>(from: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Entries<const MOST: usize, T>(PhantomData<T>);

    impl<'de, const MOST: usize, T: Deserialize<'de>> Visitor<'de> for Entries<MOST, T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MOST} entries")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
            let mut all = Vec::with_capacity(entries.size_hint().unwrap_or(0).min(SET_ASIDE));
            while let Some(entry) = entries.next_element()? {
                if all.len() == MOST {
                    return Err(A::Error::custom(format_args!("a list has more than {MOST} entries")));
                }
                all.push(entry);
            }
            Ok(all)
        }
    }

    from.deserialize_seq(Entries::<MOST, T>(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_where_it_must() {
        #[derive(Debug, PartialEq, serde::Deserialize)]
        struct Names(#[serde(deserialize_with = "at_most::<2, _, _>")] Vec<String>);

        let read = serde_json::from_str::<Names>;
        assert_eq!(read(r#"["a","b"]"#).unwrap(), Names(vec!["a".to_owned(), "b".to_owned()]));
        let error = read(r#"["a","b","c"]"#).unwrap_err().to_string();
        assert!(error.contains("more than 2 entries"), "{error}");
    }
}
