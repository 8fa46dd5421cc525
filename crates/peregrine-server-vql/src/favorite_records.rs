//! Favourites as queries get them.

use peregrine_api::favorites::Favorite;
use peregrine_engine::prelude::*;

use crate::spec_records;

pub(crate) fn show(favorite: &Favorite) -> Dict {
    Dict::from_pairs([
        ("name", Value::from(favorite.name.as_str())),
        ("description", Value::from(favorite.description.as_str())),
        ("spec", spec_records::show(&favorite.spec)),
        ("type", Value::from(favorite.r#type.as_str())),
    ])
}
