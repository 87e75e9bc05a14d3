//! Disks whose content is spread over several images: what stands on what, and what goes with whom.

use manager::model::DiskFormat;

use crate::site::Site;

const GIB: u64 = 1 << 30;

#[tokio::test]
async fn the_first_image_of_a_disk_bears_its_id_and_goes_with_it() {
    let site = Site::new().await;
    let added = site
        .manager
        .disk_add(&site.admin, site.disk_params("d", GIB))
        .await
        .expect("added");
    site.finished(&added).await;
    let disk = site.disk(added.value.id);
    assert_eq!(disk.image().0, disk.id.0);
    assert_eq!(disk.top().format, DiskFormat::Cow);
    let inventory = site.manager.inventory();
    let users = inventory.users_of_image(disk.image());
    assert_eq!(users.len(), 1);
    assert_eq!(users[0].disk, disk.id);
    assert_eq!(inventory.own_images(&disk), [disk.image()]);
    let removed = site
        .manager
        .disk_remove(&site.admin, disk.id)
        .await
        .expect("accepted");
    assert!(site.finished(&removed).await);
    assert!(site.host.volume_sizes().is_empty());
    assert!(
        site.manager
            .inventory()
            .users_of_image(disk.image())
            .is_empty()
    );
}
