//! `uploads()`: the files of a collection or of a hunt.

use peregrine_engine::prelude::*;
use peregrine_store::{ClientId, FlowId, HuntId, Upload};

use crate::args::id;
use crate::{Stored, hunt_members, hunt_records};

/// Lists the files that a collection uploaded, or all collections of a hunt; while it runs, those that are complete.
#[derive(VqlArgs)]
pub struct Args {
    /// The client's id; by default the variable `ClientId`.
    client_id: Option<String>,
    /// The collection's id; by default the variable `FlowId`.
    flow_id: Option<String>,
    /// A hunt's id; by default the variable `HuntId`, unless a client or a collection is named.
    hunt_id: Option<String>,
    /// A notebook's id. Notebooks are not implemented yet: the call fails with a message.
    notebook_id: Option<String>,
}

/// The plugin.
pub struct Uploads;

impl Plugin for Uploads {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "uploads";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const COLUMNS: &'static [ColumnSpec] = &[
        shown("Timestamp", "When the last byte arrived, in seconds since 1970."),
        shown("vfs_path", "Where it is stored."),
        shown("Type", "Always empty: indexes of sparse files are not listed."),
        shown("_Components", "The components of the path where it is stored."),
        shown("file_size", "Its size on the client, in bytes."),
        shown("_accessor", "The accessor it was read with."),
        shown("_client_components", "The components of its path on the client."),
        shown("uploaded_size", "Bytes stored."),
        shown("client_path", "The path of the file on the client."),
        shown(
            "Upload",
            "The same as `Path` on the client, `Size`, `StoredSize`, `Components` of the path where it is stored, `Accessor`, and `UploadId`, always 0.",
        ),
        shown("ClientId", "The client's id; only with a hunt."),
        shown("FlowId", "The collection's id; only with a hunt."),
    ];
    const EXAMPLES: &'static [Example] = &[
        example(
            "paths and sizes",
            "SELECT client_path, file_size, Upload.StoredSize AS Stored FROM uploads(client_id='C.0123456789abcdef', flow_id='F.EXAMPLE')",
            r#"[{"client_path":"/etc/hosts","file_size":7,"Stored":7}]"#,
        ),
        example(
            "of the collection that the scope is about",
            "LET ClientId <= 'C.0123456789abcdef' LET FlowId <= 'F.EXAMPLE' SELECT _accessor FROM uploads()",
            r#"[{"_accessor":"file"}]"#,
        ),
        fails(
            "no such collection",
            "uploads(client_id='C.0123456789abcdef', flow_id='F.NONE')",
            "collection `F.NONE` of `C.0123456789abcdef` not found",
        ),
        example(
            "the files of a hunt",
            "SELECT client_path, ClientId FROM uploads(hunt_id='H.EXAMPLE')",
            r#"[{"client_path":"/etc/passwd","ClientId":"C.00000000000000e2"}]"#,
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let stored = Stored::of(scope)?;
        let given = |text: Option<String>| text.filter(|id| !id.is_empty());
        let variable = |name: &str| given(scope.get_text(name));
        if let Some(notebook_id) = given(args.notebook_id) {
            return Err(format!("this server has no notebooks, and so no files of `{notebook_id}`").into());
        }
        if let Some(hunt_id) = given(args.hunt_id) {
            return of_hunt(scope, &stored, &id(&hunt_id)?, rows);
        }
        let (client_id, flow_id) = (given(args.client_id), given(args.flow_id));
        let is_named = client_id.is_some() || flow_id.is_some();
        let client_id = client_id.or_else(|| variable("ClientId"));
        let flow_id = flow_id.or_else(|| variable("FlowId"));
        if (client_id.is_none() || flow_id.is_none())
            && !is_named
            && let Some(hunt_id) = variable("HuntId")
        {
            return of_hunt(scope, &stored, &id(&hunt_id)?, rows);
        }
        let client_id = client_id.ok_or("Field client_id is required")?;
        let flow_id = flow_id.ok_or("Field flow_id is required")?;
        let (client_id, flow_id): (ClientId, FlowId) = (id(&client_id)?, id(&flow_id)?);
        if stored.wait(stored.database.flow(&client_id, &flow_id))?.is_none() {
            let text = format!(
                "collection `{flow_id}` of `{client_id}` not found; flows(client_id='{client_id}') lists all"
            );
            return Err(text.into());
        }
        for upload in stored.wait(stored.database.uploads(&client_id, &flow_id))? {
            rows.push(record(upload).to_row())?;
        }
        Ok(())
    }
}

/// The files of all collections of a hunt, each with where it is from.
fn of_hunt(scope: &Scope, stored: &Stored, hunt_id: &HuntId, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
    hunt_records::find(stored, hunt_id)?;
    hunt_members::each_page(scope, stored, hunt_id, 0, None, |page| {
        let has_files = page
            .into_iter()
            .filter(|member| member.flow.as_ref().is_some_and(|flow| flow.uploaded_files > 0));
        for member in has_files {
            let uploads = stored.database.uploads(&member.client_id, &member.flow_id);
            for upload in stored.wait(uploads)? {
                let record = record(upload);
                record.set("ClientId", member.client_id.as_str());
                record.set("FlowId", member.flow_id.as_str());
                rows.push(record.to_row())?;
            }
        }
        Ok(())
    })
}

fn record(upload: Upload) -> Dict {
    let components: Value = upload.object.split('/').map(Value::from).collect();
    let file = Dict::from_pairs([
        ("Path", Value::from(upload.vfs_path.as_str())),
        ("Size", Value::from(upload.file_size)),
        ("StoredSize", Value::from(upload.uploaded_size)),
        ("Components", components.clone()),
        ("Accessor", Value::from(upload.accessor.as_str())),
        ("UploadId", Value::Int(0)),
    ]);
    Dict::from_pairs([
        ("Timestamp", Value::Int(upload.finished / 1_000_000)),
        ("vfs_path", Value::from(stored_path(&upload))),
        ("Type", Value::from("")),
        ("_Components", components),
        ("file_size", Value::from(upload.file_size)),
        ("_accessor", Value::from(upload.accessor)),
        ("_client_components", Value::from(upload.components)),
        ("uploaded_size", Value::from(upload.uploaded_size)),
        ("client_path", Value::from(upload.vfs_path)),
        ("Upload", Value::Dict(file)),
    ])
}

/// Where the server keeps the file, in the notation of the reference.
pub(crate) fn stored_path(upload: &Upload) -> String {
    format!("fs:/{}", upload.object)
}
