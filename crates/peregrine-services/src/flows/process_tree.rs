//! The process tree around a process, from the stored rows of a collection.

use crate::table::{Row, SetSource, cells, scan};
use crate::users::{Permission, Principal};
use crate::{Core, Error, Result, clock};
use peregrine_api::processes::{ProcessFamily, ProcessNode};
use peregrine_store::{ClientId, FlowId, Micros, SetKind};
use serde_json::Value;
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Processes read from a flow; further ones are ignored.
const MAX_PROCESSES: usize = 200_000;
/// Processes in an answer; beyond that it is marked as truncated.
const MAX_NODES: usize = 50_000;

/// The whole tree that contains a process (given by id or pid), from the rows of a collection.
pub async fn process_tree(
    core: &Core,
    principal: &Principal,
    client_id: &ClientId,
    flow_id: &FlowId,
    process: String,
) -> Result<ProcessFamily> {
    principal.authorize(Permission::ReadResults)?;
    super::get(core, client_id, flow_id).await?;
    let database = &core.storage.database;
    let mut processes = Vec::new();
    for set in database
        .result_sets(client_id, flow_id)
        .await?
        .iter()
        .filter(|set| set.kind == SetKind::Rows)
    {
        let source = SetSource::new(database.clone(), set);
        processes = scan(&source, processes, |processes: &mut Vec<Process>, line| {
            let found = Process::of(&cells::row(line.text));
            // If its first row is not a process, the set is another kind of table.
            if found.is_none() && line.number == 0 && line.missing == 0 || processes.len() >= MAX_PROCESSES {
                return ControlFlow::Break(());
            }
            processes.extend(found);
            ControlFlow::Continue(())
        })
        .await?;
    }
    let tree = tokio::task::spawn_blocking(move || Tree::build(processes).family(&process)).await;
    tree.map_err(|error| Error::Internal(error.to_string()))?
}

#[derive(Debug, Clone)]
struct Process {
    /// As the API shows it. `parent_id` is what the row says, which may be nothing.
    node: ProcessNode,
    ppid: i64,
    /// Microseconds; 0 when unknown.
    start: Micros,
}

impl Process {
    fn of(row: &Row) -> Option<Process> {
        let number = |name: &str| row.get(name).and_then(Value::as_i64);
        let text = |names: &[&str]| {
            names.iter().find_map(|name| {
                row.get(*name)?
                    .as_str()
                    .filter(|text| !text.is_empty())
                    .map(str::to_owned)
            })
        };
        let get = |name: &str| row.get(name).cloned().unwrap_or_default();
        let (pid, ppid) = (number("Pid")?, number("Ppid").unwrap_or(-1));
        let node = ProcessNode {
            pid,
            name: get("Name"),
            exe: get("Exe"),
            command_line: get("CommandLine"),
            username: get("Username"),
            start_time: get("StartTime"),
            end_time: get("EndTime"),
            exit_code: get("ExitCode"),
            // Collectors write a time before 1970 for "still running".
            exited: time(row.get("EndTime")) > 0,
            id: text(&["TrackerId", "Id"])
                .unwrap_or_else(|| format!("{pid}@{}", text(&["StartTime"]).unwrap_or_default())),
            parent_id: text(&["ParentId", "ParentTrackerId"]),
        };
        Some(Process {
            node,
            ppid,
            start: time(row.get("StartTime")),
        })
    }
}

/// Reads RFC 3339 text or seconds; 0 when there is no time.
fn time(cell: Option<&Value>) -> Micros {
    match cell {
        Some(Value::String(text)) => clock::parse(text).unwrap_or(0),
        Some(Value::Number(seconds)) => (seconds.as_f64().unwrap_or(0.0) * 1e6) as Micros,
        _ => 0,
    }
}

struct Tree {
    processes: Vec<Process>,
    parents: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
}

impl Tree {
    fn build(mut processes: Vec<Process>) -> Tree {
        // Of several rows about a process the last one wins.
        let mut seen = HashMap::new();
        for (at, process) in processes.iter().enumerate() {
            seen.insert(process.node.id.clone(), at);
        }
        let mut at = 0;
        processes.retain(|process| {
            at += 1;
            seen.get(&process.node.id) == Some(&(at - 1))
        });
        let by_id: HashMap<&str, usize> = processes
            .iter()
            .enumerate()
            .map(|(at, process)| (process.node.id.as_str(), at))
            .collect();
        let mut by_pid: HashMap<i64, Vec<usize>> = HashMap::new();
        for (at, process) in processes.iter().enumerate() {
            by_pid.entry(process.node.pid).or_default().push(at);
        }
        let parents: Vec<Option<usize>> = processes
            .iter()
            .enumerate()
            .map(|(at, process)| {
                if let Some(id) = &process.node.parent_id {
                    return by_id.get(id.as_str()).copied().filter(|parent| *parent != at);
                }
                // Pids are reused: the parent is the latest process with that pid that started before the child.
                let same = by_pid.get(&process.ppid).into_iter().flatten().copied();
                let before = same.filter(|parent| {
                    *parent != at
                        && processes
                            .get(*parent)
                            .is_some_and(|other| process.start == 0 || other.start <= process.start)
                });
                before.max_by_key(|parent| processes.get(*parent).map(|other| other.start))
            })
            .collect();
        let mut children = vec![Vec::new(); processes.len()];
        for (at, parent) in parents.iter().enumerate() {
            if let Some(list) = parent.and_then(|parent| children.get_mut(parent)) {
                list.push(at);
            }
        }
        Tree {
            processes,
            parents,
            children,
        }
    }

    /// The whole tree that contains a process, given by id or pid; of several with that pid, the one started last.
    fn family(&self, wanted: &str) -> Result<ProcessFamily> {
        let pid = wanted.parse::<i64>().ok();
        let matching = self
            .processes
            .iter()
            .enumerate()
            .filter(|(_, process)| process.node.id == wanted || Some(process.node.pid) == pid);
        let focus = matching
            .max_by_key(|(_, process)| (process.node.id == wanted, process.start))
            .map(|(at, _)| at);
        let Some(focus) = focus else {
            return Err(Error::NotFound("process", wanted.to_owned()));
        };
        let mut root = focus;
        // Bounded, because damaged rows can form a cycle.
        for _ in 0..self.processes.len() {
            match self.parents.get(root).copied().flatten() {
                Some(parent) if parent != focus => root = parent,
                _ => break,
            }
        }
        let id = |at: usize| self.processes.get(at).map(|process| process.node.id.clone());
        let mut nodes = Vec::new();
        let mut visited = vec![false; self.processes.len()];
        let mut queue = std::collections::VecDeque::from([root]);
        let mut truncated = false;
        while let Some(at) = queue.pop_front() {
            let (Some(process), Some(visited)) = (self.processes.get(at), visited.get_mut(at)) else {
                continue;
            };
            if std::mem::replace(visited, true) {
                continue;
            }
            if nodes.len() >= MAX_NODES {
                truncated = true;
                break;
            }
            let parent = if at == root {
                None
            } else {
                self.parents.get(at).copied().flatten()
            };
            nodes.push(ProcessNode {
                parent_id: parent.and_then(&id),
                ..process.node.clone()
            });
            queue.extend(self.children.get(at).into_iter().flatten());
        }
        Ok(ProcessFamily {
            root: id(root),
            focus: id(focus),
            nodes,
            truncated,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn process(pid: i64, ppid: i64, start: &str) -> Process {
        let row = json!({"Pid": pid, "Ppid": ppid, "Name": format!("p{pid}"), "StartTime": start});
        Process::of(row.as_object().unwrap()).unwrap()
    }

    #[test]
    fn the_family_is_the_whole_tree_and_reused_pids_are_told_apart() {
        let tree = Tree::build(vec![
            process(1, 0, "2026-01-01T00:00:00Z"),
            process(50, 1, "2026-01-01T01:00:00Z"),
            process(60, 50, "2026-01-01T02:00:00Z"),
            process(50, 1, "2026-01-01T03:00:00Z"),
            process(70, 50, "2026-01-01T04:00:00Z"),
        ]);
        let family = tree.family("70").unwrap();
        assert_eq!(family.root.as_deref(), Some("1@2026-01-01T00:00:00Z"));
        assert_eq!(family.nodes.len(), 5);
        let parent_of = |pid: i64| {
            let node = family.nodes.iter().find(|node| node.pid == pid).unwrap();
            node.parent_id.as_deref()
        };
        assert_eq!(parent_of(60), Some("50@2026-01-01T01:00:00Z"));
        assert_eq!(parent_of(70), Some("50@2026-01-01T03:00:00Z"));
        assert!(tree.family("99").is_err());
    }

    #[test]
    fn circles_end() {
        let mut a = process(1, 2, "x");
        let mut b = process(2, 1, "x");
        (a.node.parent_id, b.node.parent_id) = (Some(b.node.id.clone()), Some(a.node.id.clone()));
        let family = Tree::build(vec![a, b]).family("1").unwrap();
        assert_eq!(family.nodes.len(), 2);
    }
}
