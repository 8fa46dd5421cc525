//! The programs a process ran: usually just one, which then needs no separate allocation.

use crate::Time;
use std::ops::Deref;
use std::sync::Arc;

/// One program a process ran.
#[derive(Debug)]
pub(crate) struct Image<D> {
    pub(crate) at: Time,
    /// True if an event said that it began at `at`; otherwise a list showed it running then.
    pub(crate) is_exact: bool,
    pub(crate) data: Arc<D>,
}

/// Oldest first; the last one is current. Read it as a slice.
#[derive(Debug)]
pub(crate) enum Images<D> {
    None,
    One(Image<D>),
    More(Box<[Image<D>]>),
}

impl<D> Images<D> {
    /// Changes the list.
    pub(crate) fn edit<R>(&mut self, change: impl FnOnce(&mut Vec<Image<D>>) -> R) -> R {
        let mut list = match std::mem::replace(self, Images::None) {
            Images::None => Vec::new(),
            Images::One(image) => vec![image],
            Images::More(list) => list.into_vec(),
        };
        let result = change(&mut list);
        *self = Images::from(list);
        result
    }
}

impl<D> From<Vec<Image<D>>> for Images<D> {
    fn from(mut list: Vec<Image<D>>) -> Images<D> {
        match (list.pop(), list.is_empty()) {
            (None, _) => Images::None,
            (Some(image), true) => Images::One(image),
            (Some(image), false) => {
                list.push(image);
                Images::More(list.into_boxed_slice())
            }
        }
    }
}

impl<D> Deref for Images<D> {
    type Target = [Image<D>];

    fn deref(&self) -> &[Image<D>] {
        match self {
            Images::None => &[],
            Images::One(image) => std::slice::from_ref(image),
            Images::More(list) => list,
        }
    }
}
