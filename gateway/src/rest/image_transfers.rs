//! `/imagetransfers`: opens and closes the way by which an image's data comes or goes. The data
//! itself is `crate::images`'s.

use api::path;
use api::types;
use manager::TransferAddParams;
use manager::model::{Transfer, TransferDirection, TransferPhase};

use super::convert::{given, int, number, part, reference, word};
use super::fault::{Refused, Result};
use super::reply::Answer;
use super::view::{Found, View, many, one};
use super::{Change, Verb};

pub(super) fn read(view: &View, path: &[&str]) -> Result<Found> {
    match path {
        [] => {
            let mut transfers: Vec<_> = view
                .inventory()
                .transfers
                .iter()
                .filter(|it| view.sees(it.id))
                .cloned()
                .collect();
            transfers.sort_by_key(|it| (it.creation_time, it.id));
            let view = view.clone();
            Ok(many(
                transfers.into_iter().map(move |it| to_api(&view, &it)),
            ))
        }
        [id] => Ok(one(to_api(view, &*view.transfer(id)?))),
        _ => Err(Refused::unbuilt()),
    }
}

/// A transfer as the API shows it. While data may flow it says where; that address opens it.
fn to_api(view: &View, it: &Transfer) -> types::ImageTransfer {
    let flows = matches!(
        it.phase,
        TransferPhase::Transferring | TransferPhase::PausedSystem | TransferPhase::PausedUser
    );
    let url = flows
        .then(|| view.manager().transfer_secret(&view.caller, it.id).ok())
        .flatten();
    let url = url.map(|secret| format!("https://{}/images/{}", view.authority, secret.expose()));
    types::ImageTransfer {
        id: Some(it.id.to_string()),
        href: Some(path::image_transfer(it.id).to_string()),
        disk: reference!(Disk, path::disk(it.disk), it.disk),
        // The engine has the disk's id here too.
        image: reference!(Image, path::disk(it.disk), it.disk),
        host: it.host.map(|id| part!(Host, path::host(id), id)),
        direction: word(it.direction.as_str()),
        format: word(it.format.as_str()),
        phase: word(it.phase.as_str()),
        active: Some(it.phase == TransferPhase::Transferring),
        inactivity_timeout: int(it.inactivity_timeout),
        timeout_policy: word(it.timeout_policy.as_str()),
        transferred: int(it.transferred),
        shallow: Some(it.shallow),
        transfer_url: url.clone(),
        proxy_url: url,
        ..types::ImageTransfer::default()
    }
}

pub(super) async fn change(change: &Change<'_>, verb: Verb, path: &[&str]) -> Result<Answer> {
    let (manager, caller) = (change.view.manager(), change.caller());
    match (verb, path) {
        (Verb::Post, []) => {
            let mut params = from_api(&change.view, &change.sent.body()?)?;
            params.vmdk = change.params.vmdk;
            let transfer = manager.transfer_add(caller, params).await?;
            let object = to_api(&change.view.again(), &transfer);
            Ok(Answer::Created(Box::new(object)))
        }
        (Verb::Post, [id, action]) => {
            let id = change.view.transfer(id)?.id;
            let sent = change.sent.action()?;
            match *action {
                "cancel" => manager.transfer_cancel(caller, id).await?,
                "extend" => manager.transfer_extend(caller, id).await?,
                "finalize" => manager.transfer_finalize(caller, id).await?,
                "pause" => manager.transfer_pause(caller, id).await?,
                "resume" => manager.transfer_resume(caller, id).await?,
                _ => return Err(Refused::unbuilt()),
            };
            Ok(change.acted(&sent, None))
        }
        _ => Err(Refused::unbuilt()),
    }
}

fn from_api(view: &View, sent: &types::ImageTransfer) -> Result<TransferAddParams> {
    if sent.snapshot.is_some() || sent.backup.is_some() {
        return Err(Refused::unsupported_part());
    }
    let disk = sent.disk.as_deref().and_then(|disk| disk.id.as_deref());
    let image = sent.image.as_deref().and_then(|image| image.id.as_deref());
    let Some(id) = disk.or(image) else {
        return Err(Refused::incomplete(
            "ImageTransfer",
            &["disk.id|image.id|snapshot.id"],
            "add",
        ));
    };
    Ok(TransferAddParams {
        disk: view.disk(id)?.id,
        direction: given("direction", sent.direction.map(|it| it.as_str()))?
            .unwrap_or(TransferDirection::Upload),
        format: given("format", sent.format.map(|it| it.as_str()))?,
        vmdk: false,
        shallow: sent.shallow.unwrap_or(false),
        inactivity_timeout: number("inactivity_timeout", sent.inactivity_timeout)?,
        timeout_policy: given("timeout_policy", sent.timeout_policy.map(|it| it.as_str()))?,
    })
}
