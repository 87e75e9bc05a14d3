//! VMs out of archives and into them: `/externalvmimports`, `/vms/ID/export`, and VMs that are
//! described by an OVF (`initialization.configuration`).

use std::sync::Arc;

use api::types::{self, ExternalVmImport};
use api::{Object, path};
use manager::model::Vm;
use manager::{OvaImportParams, OvaSource};

use super::convert::part;
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::view::View;
use super::{Change, Verb, vms};

/// What OVA addresses begin with; a path of a host's follows, or `/` and a disk's id.
const SCHEME: &str = "ova://";

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    match (verb, path) {
        (Verb::Post, []) => import(change, change.sent.body()?).await,
        _ => Err(Refused::unbuilt()),
    }
}

fn source(view: &View, url: &str) -> Result<OvaSource> {
    let Some(path) = url.strip_prefix(SCHEME) else {
        return Err(Refused::unsupported_part());
    };
    let id = path.trim_start_matches('/');
    Ok(match view.disk(id) {
        Ok(disk) => OvaSource::Disk(disk.id),
        Err(_) => OvaSource::File(path.to_owned()),
    })
}

fn params(view: &View, sent: &ExternalVmImport) -> Result<OvaImportParams> {
    let mut missing = Vec::new();
    if sent.url.is_none() {
        missing.push("url");
    }
    if sent.cluster.is_none() {
        missing.push("cluster.id|name");
    }
    if !missing.is_empty() {
        return Err(Refused::incomplete("ExternalVmImport", &missing, "add"));
    }
    let source = source(view, sent.url.as_deref().unwrap_or_default())?;
    let cluster = match sent.cluster.as_deref() {
        Some(it) => view.cluster_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let Some(cluster) = cluster else {
        return Err(Refused::incomplete(
            "ExternalVmImport",
            &["cluster.id|name"],
            "add",
        ));
    };
    let storage_domain = match sent.storage_domain.as_deref() {
        Some(it) => view.storage_domain_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let host = match sent.host.as_deref() {
        Some(it) => view.host_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let new_name = sent.vm.as_deref().and_then(|vm| vm.name.clone());
    Ok(OvaImportParams {
        name: new_name.or(sent.name.clone()).filter(|it| !it.is_empty()),
        source,
        cluster: cluster.id,
        storage_domain: storage_domain.map(|it| it.id),
        host: host.map(|it| it.id),
        sparse: sent.sparse,
    })
}

/// Makes a VM out of an archive of the host's, or one that was uploaded.
async fn import(change: &Change<'_>, mut sent: ExternalVmImport) -> Result<Answer> {
    let params = params(&change.view, &sent)?;
    let accepted = change
        .view
        .manager()
        .vm_import_ova(change.caller(), params)
        .await?;
    let id = accepted.value.id;
    // Nobody's secret comes back.
    sent.password = None;
    sent.vm = Some(part!(Vm, path::vm(id), id));
    change
        .created(accepted.job, move |_| Ok(Box::new(sent) as Box<dyn Object>))
        .await
}

/// Makes a VM of a description whose disks are there already. `None` where none was sent.
pub(super) async fn add_described(change: &Change<'_>, sent: &types::Vm) -> Option<Result<Answer>> {
    let initialization = sent.initialization.as_deref()?;
    let configuration = initialization.configuration.as_deref()?;
    Some(described(change, sent, configuration).await)
}

async fn described(
    change: &Change<'_>,
    sent: &types::Vm,
    configuration: &types::Configuration,
) -> Result<Answer> {
    let Some(description) = configuration.data.as_deref() else {
        let fields = ["initialization.configuration.data"];
        return Err(Refused::incomplete("Vm", &fields, "add"));
    };
    let cluster = match sent.cluster.as_deref() {
        Some(it) => change
            .view
            .cluster_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let Some(cluster) = cluster else {
        return Err(Refused::incomplete("Vm", &["cluster.id|name"], "add"));
    };
    let name = sent.name.clone().filter(|name| !name.is_empty());
    let accepted = change
        .view
        .manager()
        .vm_add_described(change.caller(), description, cluster.id, name)
        .await?;
    let id = accepted.value.id;
    change
        .created(accepted.job, move |view| {
            let vm = view
                .inventory()
                .vms
                .get(&id)
                .cloned()
                .unwrap_or(accepted.value);
            Ok(Box::new(vms::to_api(view.inventory(), &vm)) as Box<dyn Object>)
        })
        .await
}

/// Writes a VM into an archive in the host's folder.
pub(super) async fn export(change: &Change<'_>, vm: &Arc<Vm>) -> Result<Answer> {
    let sent = change.sent.action()?;
    // Export domains are gone, in oVirt's own last versions too.
    if sent.storage_domain.is_some() {
        return Err(Refused::unsupported_part());
    }
    let host = match sent.host.as_deref() {
        Some(it) => change.view.host_of(it.id.as_deref(), it.name.as_deref())?,
        None => None,
    };
    let (Some(host), Some(directory)) = (host, sent.directory.as_deref()) else {
        return Err(Refused::incomplete(
            "Action",
            &["host.id|name", "directory"],
            "exportToPathOnHost",
        ));
    };
    let accepted = change
        .view
        .manager()
        .vm_export_ova(
            change.caller(),
            vm.id,
            host.id,
            directory,
            sent.filename.clone(),
        )
        .await?;
    Ok(change.acted(&sent, accepted.job))
}
