//! The rows of a hunt as one table: those of all its clients, one client after the other, each row with the columns `FlowId`,
//! `ClientId` and `Fqdn`.

use super::{RowSource, cells};
use crate::{Error, Result};
use async_trait::async_trait;
use peregrine_store::chunk::Block;
use peregrine_store::{
    ClientId, Database, HuntId, HuntSet, MemberQuery, MemberSort, SetId, SetKind, StoredChunk,
};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Compressed bytes read at least: a client often has only a few rows, and each read costs more than they do.
const MIN_READ: usize = 32 << 10;
/// Clients whose rows are asked for in one read.
const MAX_SETS: usize = 500;
/// Columns that tell where a row is from. They replace columns of the artifact with the same names.
const ORIGIN: [&str; 3] = ["FlowId", "ClientId", "Fqdn"];

/// The rows that a hunt has for one of its tables at the moment; later ones are not in it.
pub struct HuntRows {
    database: Arc<dyn Database>,
    sets: Vec<HuntSet>,
    /// Number of the first row of each set.
    starts: Vec<u64>,
    end: u64,
    key: String,
}

impl HuntRows {
    pub async fn open(database: Arc<dyn Database>, hunt_id: &HuntId, source: &str) -> Result<HuntRows> {
        let sets = database.hunt_sets(hunt_id, source).await?;
        Ok(HuntRows::new(database, hunt_id, source, sets))
    }

    /// Only those of one client.
    pub async fn of_client(
        database: Arc<dyn Database>,
        hunt_id: &HuntId,
        client_id: &ClientId,
        source: &str,
    ) -> Result<HuntRows> {
        let only = MemberQuery {
            hunt_id: hunt_id.clone(),
            client_id: Some(client_id.clone()),
            search: None,
            state: None,
            silent_since: 0,
            sort: MemberSort::default(),
            descending: false,
            offset: 0,
            limit: 1,
        };
        let mut sets = Vec::new();
        for member in database.hunt_members(only).await?.items {
            let found = database.result_sets(client_id, &member.flow_id).await?;
            let found = found
                .into_iter()
                .filter(|set| set.kind == SetKind::Rows && set.name == source);
            sets.extend(found.map(|set| HuntSet {
                set: set.id,
                first_row: set.first_row,
                end_row: set.end_row,
                client_id: client_id.clone(),
                flow_id: member.flow_id.clone(),
            }));
        }
        Ok(HuntRows::new(database, hunt_id, source, sets))
    }

    fn new(database: Arc<dyn Database>, hunt_id: &HuntId, source: &str, mut sets: Vec<HuntSet>) -> HuntRows {
        sets.retain(|set| set.end_row > set.first_row);
        let (mut starts, mut end) = (Vec::with_capacity(sets.len()), 0u64);
        let mut hasher = DefaultHasher::new();
        for set in &sets {
            starts.push(end);
            end = end.saturating_add(set.end_row - set.first_row);
            (set.set, set.first_row, set.end_row).hash(&mut hasher);
        }
        // Two tables of the same length may still be made of different rows.
        let key = format!("hunt {hunt_id} {source} {:x}", hasher.finish());
        HuntRows {
            database,
            sets,
            starts,
            end,
            key,
        }
    }

    /// The chunks of some sets, from this row of the first of them on, as blocks of this table.
    async fn blocks(&self, from_set: usize, from_row: u64, bytes: usize) -> Result<Vec<Block>> {
        let places: HashMap<SetId, Place> = self
            .sets
            .iter()
            .zip(&self.starts)
            .skip(from_set)
            .take(MAX_SETS)
            .map(|(set, start)| {
                let place = Place {
                    set: set.clone(),
                    start: *start,
                };
                (set.set, place)
            })
            .collect();
        let ids: BTreeSet<SetId> = places.keys().copied().collect();
        let ids: Vec<SetId> = ids.into_iter().collect();
        let chunks = self
            .database
            .read_sets(ids, from_row, bytes.max(MIN_READ))
            .await?;
        let clients: BTreeSet<ClientId> = chunks
            .iter()
            .filter_map(|(set, _)| places.get(set).map(|place| place.set.client_id.clone()))
            .collect();
        let names = self.database.client_names(clients.into_iter().collect()).await?;
        let convert = move || {
            let blocks = chunks
                .iter()
                .filter_map(|(set, chunk)| places.get(set).map(|place| place.block(chunk, &names)));
            // Rows that came since the table was opened are not in it.
            blocks
                .filter(|block| block.first_row() < block.end_row())
                .collect()
        };
        tokio::task::spawn_blocking(convert)
            .await
            .map_err(|error| Error::Internal(error.to_string()))
    }
}

#[async_trait]
impl RowSource for HuntRows {
    fn range(&self) -> (u64, u64) {
        (0, self.end)
    }

    fn key(&self) -> String {
        self.key.clone()
    }

    async fn read(&self, from: u64, bytes: usize) -> Result<Vec<Block>> {
        let mut at = self
            .starts
            .partition_point(|start| *start <= from)
            .saturating_sub(1);
        // Collections may be deleted while their rows are read: those of the others come all the same.
        while let (Some(set), Some(start)) = (self.sets.get(at), self.starts.get(at)) {
            let from_row = set.first_row.saturating_add(from.saturating_sub(*start));
            let blocks = self.blocks(at, from_row, bytes).await?;
            if !blocks.is_empty() {
                return Ok(blocks);
            }
            at += MAX_SETS;
        }
        Ok(Vec::new())
    }
}

/// A set, and the number its first row has in the table.
struct Place {
    set: HuntSet,
    start: u64,
}

impl Place {
    fn block(&self, chunk: &StoredChunk, names: &HashMap<ClientId, String>) -> Block {
        let set = &self.set;
        let name = names.get(&set.client_id).map_or("", String::as_str);
        let origin = [set.flow_id.as_str(), set.client_id.as_str(), name].map(Value::from);
        chunk
            .read()
            .moved(set.first_row..set.end_row, self.start, |row, out| {
                with_origin(row, &origin, out);
            })
    }
}

/// Adds the columns to a row. Nearly always they can be added to its text; a row that has such a column already is taken apart.
fn with_origin(row: &[u8], origin: &[Value; 3], out: &mut Vec<u8>) {
    let has_such = |name: &&str| row.windows(name.len()).any(|part| part == name.as_bytes());
    let body = row.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
    let (Some(body), false) = (body, ORIGIN.iter().any(has_such)) else {
        let mut row = cells::row(row);
        for (name, value) in ORIGIN.iter().zip(origin) {
            row.insert((*name).to_owned(), value.clone());
        }
        out.extend(serde_json::to_vec(&row).unwrap_or_default());
        return;
    };
    out.push(b'{');
    out.extend_from_slice(body);
    for (at, (name, value)) in ORIGIN.iter().zip(origin).enumerate() {
        if at > 0 || !body.trim_ascii().is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(format!("\"{name}\":{value}").as_bytes());
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_says_where_it_is_from() {
        let origin = ["F.A.H", "C.1", "a\"b"].map(Value::from);
        let text = |row: &str| {
            let mut out = Vec::new();
            with_origin(row.as_bytes(), &origin, &mut out);
            String::from_utf8(out).unwrap()
        };
        let columns = r#""FlowId":"F.A.H","ClientId":"C.1","Fqdn":"a\"b""#;
        assert_eq!(text(r#"{"n":1}"#), format!("{{\"n\":1,{columns}}}"));
        assert_eq!(text("{}"), format!("{{{columns}}}"));
        assert_eq!(
            text(r#"{"Fqdn":"liar","n":1}"#),
            r#"{"Fqdn":"a\"b","n":1,"FlowId":"F.A.H","ClientId":"C.1"}"#,
            "no artifact can say that it ran elsewhere"
        );
        assert_eq!(text("no row"), format!("{{\"_damaged\":\"no row\",{columns}}}"));
    }
}
