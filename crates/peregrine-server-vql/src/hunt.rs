//! `hunt()`: creates a hunt.

use peregrine_api::hunts::{HuntCondition, HuntOs, NewHunt};
use peregrine_base::ids::is_root_org;
use peregrine_engine::prelude::*;
use peregrine_services::hunts;

use crate::expiry::expiry;
use crate::requests::{Limits, request};
use crate::{Live, hunt_records};

/// Creates a hunt, which collects artifacts from all clients that match, also from those that come later. Returns `HuntId`, and
/// `Request`, what it collects. Starting it needs `START_HUNT`; to create a paused one, `COLLECT_CLIENT` is enough.
///
/// Everything that is said about clients must hold: with `os` and labels, a client must have that operating system, one of
/// `include_labels` and none of `exclude_labels`.
#[derive(VqlArgs)]
pub struct Args {
    /// What it is for.
    description: Option<String>,
    /// Words to find it by.
    tags: Option<Vec<String>>,
    /// The artifacts, each `Name` or `Name/Source`.
    artifacts: Vec<String>,
    /// When it stops by itself: a time, or how long from now, in seconds or as text such as `12h` or `7d`. By default after a
    /// week, or as the server is configured.
    expires: Option<Value>,
    /// Parameters for each artifact: a dict of dicts. Among them may be the limits `cpu_limit`, `timeout`,
    /// `max_batch_wait`, `max_batch_rows` and `max_batch_rows_buffer`.
    spec: Option<Dict>,
    #[arg(flatten)]
    limits: Limits,
    /// Only create it; `hunt_update()` with `start` starts it.
    #[arg(default = false)]
    pause: bool,
    /// Only clients with one of these labels.
    include_labels: Option<Vec<String>>,
    /// No clients with any of these labels.
    exclude_labels: Option<Vec<String>>,
    /// Only clients with this operating system: `windows`, `linux` or `darwin`.
    os: Option<String>,
    /// Organisations. There is only the root organisation: others fail with a message.
    org_id: Option<Vec<String>>,
}

/// The function.
pub struct CreateHunt;

impl Function for CreateHunt {
    type Args = Args;
    const NAME: &'static str = "hunt";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::StartHunt, Permission::CollectClient];
    const EXAMPLES: &'static [Example] = &[
        example(
            "on clients with a label, for a day",
            "hunt(description='Who runs sshd?', artifacts='Linux.Sys.Pslist', include_labels='web', expires='1d',\n\
             \x20 spec=dict(`Linux.Sys.Pslist`=dict(processRegex='sshd'))).Request.specs[0].parameters.env",
            r#"[{"key":"processRegex","value":"sshd"}]"#,
        ),
        example(
            "create it, and start it later",
            "hunt_info(hunt_id=hunt(artifacts='Linux.Sys.Pslist', pause=TRUE, os='linux').HuntId).state",
            r#""PAUSED""#,
        ),
        fails(
            "no such artifact",
            "hunt(artifacts='Linux.Sys.Pslists')",
            "artifact `Linux.Sys.Pslists` not found",
        ),
        fails(
            "an operating system that is none",
            "hunt(artifacts='Linux.Sys.Pslist', os='plan9')",
            "`os` `plan9` is none of windows, linux, darwin",
        ),
        fails(
            "a time that is none",
            "hunt(artifacts='Linux.Sys.Pslist', expires='soon')",
            "`expires` `soon` is neither a time nor a duration",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let live = Live::of(scope)?;
        scope.check_access(match args.pause {
            true => Permission::CollectClient,
            false => Permission::StartHunt,
        })?;
        let orgs = args.org_id.unwrap_or_default();
        if let Some(org_id) = orgs.iter().find(|org_id| !is_root_org(org_id)) {
            return Err(
                format!("a hunt in organisation `{org_id}` is not implemented; leave `org_id` out").into(),
            );
        }
        let expires = args.expires.unwrap_or_default();
        let spec = args.spec.unwrap_or_default();
        let parameters = (&Dict::new(), &spec);
        let new = NewHunt {
            description: args.description.unwrap_or_default(),
            tags: args.tags.unwrap_or_default(),
            condition: HuntCondition {
                labels: args.include_labels.unwrap_or_default(),
                excluded_labels: args.exclude_labels.unwrap_or_default(),
                os: args.os.as_deref().map_or(Ok(None), parse_os)?,
            },
            client_limit: 0,
            expires: expiry(scope, expires)?,
            start: !args.pause,
            request: request(
                scope,
                &live,
                Self::NAME,
                &args.artifacts,
                parameters,
                &args.limits,
            )?,
        };
        let hunt_id = live.wait(hunts::create(&live.core, &live.principal, &new))?;
        let hunt = hunt_records::find_live(&live, &hunt_id)?;
        Ok(Value::Dict(Dict::from_pairs([
            ("HuntId", Value::from(hunt_id.as_str())),
            ("Request", hunt_records::request(&hunt)),
        ])))
    }
}

/// The operating system; none for all.
fn parse_os(text: &str) -> VqlResult<Option<HuntOs>> {
    Ok(match text.to_lowercase().as_str() {
        "" | "all" => None,
        "windows" => Some(HuntOs::Windows),
        "linux" => Some(HuntOs::Linux),
        "darwin" | "osx" => Some(HuntOs::Darwin),
        _ => return Err(format!("`os` `{text}` is none of windows, linux, darwin").into()),
    })
}
