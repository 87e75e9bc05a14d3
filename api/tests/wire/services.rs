//! The tree of services.

use api::service::ServiceDef;

#[test]
fn every_collection_knows_what_it_holds() {
    for (path, tags) in [
        ("vms", "vms"),
        ("operatingsystems", "operation_systems"),
        ("options", "system_options"),
        ("vms/1/reporteddevices", "reported_devices"),
        ("vms/1/graphicsconsoles", "graphics_consoles"),
        ("hosts/1/nics", "host_nics"),
        ("hosts/1/storage", "host_storages"),
        ("datacenters/1/storagedomains", "storage_domains"),
        ("clusters/1/enabledfeatures", "cluster_features"),
        ("clusters/1/glustervolumes", "gluster_volumes"),
        ("vms/1/backups/1/disks", "disks"),
        ("katelloerrata", "katello_errata"),
        ("vmpools", "vm_pools"),
        ("jobs/1/steps/1/statistics", "statistics"),
    ] {
        let service = ServiceDef::at(path.split('/')).unwrap_or_else(|| panic!("{path}"));
        assert_eq!(service.element.map(|def| def.tags), Some(tags), "{path}");
        assert!(service.is_collection());
    }
    assert!(ServiceDef::at(["nosuchthing"]).is_none());
    assert!(ServiceDef::at(["vms", "1", "nosuchthing"]).is_none());
    assert!(!ServiceDef::at(["vms", "1"]).unwrap().is_collection());
}

#[test]
fn the_root_links_every_collection() {
    let children: Vec<&str> = ServiceDef::root().children().collect();
    for name in [
        "vms",
        "clusters",
        "jobs",
        "imagetransfers",
        "permissions",
        "vnicprofiles",
    ] {
        assert!(children.contains(&name), "{name} in {children:?}");
    }
    assert!(ServiceDef::root().actions.is_empty());
}

#[test]
fn hrefs_lead_to_services() {
    let service = ServiceDef::at_href("/ovirt-engine/api/vms/1a/nics/2b").unwrap();
    assert_eq!(service.name, "VmNic");
    assert!(service.actions.contains(&"activate"));
    assert!(ServiceDef::at_href("/elsewhere").is_none());
}
