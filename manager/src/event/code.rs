//! The numbers of oVirt's events that the manager makes, by our own names.

/// `VDS_MAINTENANCE`
pub(crate) const HOST_MAINTENANCE: u32 = 15;
/// `VDS_ACTIVATE`
pub(crate) const HOST_ACTIVATE: u32 = 16;
/// `VDS_DETECTED`
pub(crate) const HOST_DETECTED: u32 = 13;
/// `VDS_FAILURE`
pub(crate) const HOST_FAILURE: u32 = 12;
/// `USER_UPDATE_VDS`
pub(crate) const HOST_UPDATED: u32 = 43;
/// `USER_VDC_LOGIN`
pub(crate) const LOGIN: u32 = 30;
/// `USER_VDC_LOGOUT`
pub(crate) const LOGOUT: u32 = 31;
/// `USER_VDC_LOGIN_FAILED`
pub(crate) const LOGIN_FAILED: u32 = 114;
/// Not in the seed; number from the engine.
pub(crate) const PASSWORD_CHANGED: u32 = 346;
/// `HOT_SET_NUMBER_OF_CPUS`
pub(crate) const HOT_SET_CPUS: u32 = 2033;
/// `FAILED_HOT_SET_NUMBER_OF_CPUS`
pub(crate) const HOT_SET_CPUS_FAILED: u32 = 2034;
/// `HOT_SET_MEMORY`
pub(crate) const HOT_SET_MEMORY: u32 = 2039;
/// `FAILED_HOT_SET_MEMORY`
pub(crate) const HOT_SET_MEMORY_FAILED: u32 = 2040;
/// `USER_RUN_VM`
pub(crate) const VM_RUN: u32 = 32;
/// `USER_STOP_VM`
pub(crate) const VM_STOPPED: u32 = 33;
/// `USER_ADD_VM`
pub(crate) const VM_ADDED: u32 = 34;
/// `USER_ADD_VM_STARTED`
pub(crate) const VM_ADD_STARTED: u32 = 37;
/// `USER_ADD_VM_FINISHED_SUCCESS`
pub(crate) const VM_ADD_FINISHED: u32 = 53;
/// `USER_ADD_VM_FINISHED_FAILURE`
pub(crate) const VM_ADD_FAILED: u32 = 60;
/// `USER_UPDATE_VM`
pub(crate) const VM_UPDATED: u32 = 35;
/// `USER_FAILED_RUN_VM`
pub(crate) const VM_RUN_FAILED: u32 = 54;
/// `USER_FAILED_STOP_VM`
pub(crate) const VM_STOP_FAILED: u32 = 56;
/// `VM_DOWN`
pub(crate) const VM_DOWN: u32 = 61;
/// `VM_DOWN_ERROR`
pub(crate) const VM_DOWN_ERROR: u32 = 119;
/// `USER_INITIATED_SHUTDOWN_VM`
pub(crate) const VM_SHUTDOWN: u32 = 73;
/// `USER_FAILED_SHUTDOWN_VM`
pub(crate) const VM_SHUTDOWN_FAILED: u32 = 74;
/// `USER_REMOVE_VM_FINISHED`
pub(crate) const VM_REMOVED: u32 = 113;
/// `USER_FAILED_REMOVE_VM`
pub(crate) const VM_REMOVE_FAILED: u32 = 59;
/// `USER_REMOVE_VM_FINISHED_WITH_ILLEGAL_DISKS`
pub(crate) const VM_REMOVED_DISKS_LEFT: u32 = 172;
/// `USER_STARTED_VM`
pub(crate) const VM_STARTED: u32 = 153;
/// `USER_REBOOT_VM`
pub(crate) const VM_REBOOT: u32 = 157;
/// `USER_FAILED_REBOOT_VM`
pub(crate) const VM_REBOOT_FAILED: u32 = 158;
/// `USER_RESET_VM`
pub(crate) const VM_RESET: u32 = 221;
/// `USER_FAILED_RESET_VM`
pub(crate) const VM_RESET_FAILED: u32 = 222;
/// `USER_SUSPEND_VM`
pub(crate) const VM_SUSPEND: u32 = 501;
/// `USER_SUSPEND_VM_OK`
pub(crate) const VM_SUSPENDED: u32 = 503;
/// `USER_FAILED_RESUME_VM`
pub(crate) const VM_RESUME_FAILED: u32 = 103;
/// `USER_STOP_SUSPENDED_VM`
pub(crate) const VM_SUSPENDED_STOPPED: u32 = 111;
/// `VM_PAUSED`
pub(crate) const VM_PAUSED: u32 = 1025;
/// `VM_PAUSED_ERROR`
pub(crate) const VM_PAUSED_ERROR: u32 = 139;
/// `VM_PAUSED_EIO`
pub(crate) const VM_PAUSED_EIO: u32 = 145;
/// `VM_RECOVERED_FROM_PAUSE_ERROR`
pub(crate) const VM_RECOVERED_FROM_PAUSE: u32 = 196;
/// `VM_STATUS_RESTORED`
pub(crate) const VM_STATUS_RESTORED: u32 = 163;
/// `VM_SET_TO_UNKNOWN_STATUS`
pub(crate) const VM_UNKNOWN: u32 = 142;
/// `USER_CHANGE_DISK_VM`
pub(crate) const CD_CHANGED: u32 = 38;
/// `USER_FAILED_CHANGE_DISK_VM`
pub(crate) const CD_CHANGE_FAILED: u32 = 102;
/// `USER_SUSPEND_VM_FINISH_FAILURE`
pub(crate) const VM_SUSPEND_FINISH_FAILED: u32 = 521;
/// `USER_ADD_DISK_TO_VM`
pub(crate) const VM_DISK_ADD: u32 = 78;
/// `USER_ADD_DISK_TO_VM_FINISHED_SUCCESS`
pub(crate) const VM_DISK_ADDED: u32 = 97;
/// `USER_ADD_DISK_TO_VM_FINISHED_FAILURE`
pub(crate) const VM_DISK_ADD_FAILED: u32 = 98;
/// `USER_UPDATE_VM_DISK`
pub(crate) const VM_DISK_UPDATED: u32 = 88;
/// `USER_UPDATE_DISK`
pub(crate) const DISK_UPDATED: u32 = 86;
/// `USER_FAILED_UPDATE_DISK`
pub(crate) const DISK_UPDATE_FAILED: u32 = 87;
/// `USER_ATTACH_DISK_TO_VM`
pub(crate) const DISK_ATTACHED: u32 = 2016;
/// `USER_DETACH_DISK_FROM_VM`
pub(crate) const DISK_DETACHED: u32 = 2018;
/// `USER_FAILED_HOTPLUG_DISK`
pub(crate) const DISK_PLUG_FAILED: u32 = 2001;
/// `USER_ADD_DISK`
pub(crate) const DISK_ADD: u32 = 2020;
/// `USER_ADD_DISK_FINISHED_SUCCESS`
pub(crate) const DISK_ADDED: u32 = 2021;
/// `USER_ADD_DISK_FINISHED_FAILURE`
pub(crate) const DISK_ADD_FAILED: u32 = 2022;
/// `USER_FINISHED_REMOVE_DISK`
pub(crate) const DISK_REMOVED: u32 = 2014;
/// `USER_FINISHED_FAILED_REMOVE_DISK`
pub(crate) const DISK_REMOVE_FAILED: u32 = 2015;
/// `USER_FAILED_COPY_DISK`
pub(crate) const DISK_COPY_FAILED: u32 = 2005;
/// `NETWORK_REMOVE_VM_INTERFACE`
pub(crate) const NIC_REMOVED: u32 = 930;
/// `NETWORK_ADD_VM_INTERFACE`
pub(crate) const NIC_ADDED: u32 = 932;
/// `NETWORK_UPDATE_VM_INTERFACE`
pub(crate) const NIC_UPDATED: u32 = 934;
/// `NETWORK_ADD_NETWORK`
pub(crate) const NETWORK_ADDED: u32 = 942;
/// `NETWORK_REMOVE_NETWORK`
pub(crate) const NETWORK_REMOVED: u32 = 944;
/// `NETWORK_UPDATE_NETWORK`
pub(crate) const NETWORK_UPDATED: u32 = 1114;
/// `NETWORK_UPDTAE_NETWORK_ON_CLUSTER`
pub(crate) const CLUSTER_NETWORK_UPDATED: u32 = 1112;
/// Not in the seed; number from the engine.
pub(crate) const VNIC_PROFILE_ADDED: u32 = 1122;
/// Not in the seed; number from the engine.
pub(crate) const VNIC_PROFILE_UPDATED: u32 = 1124;
/// Not in the seed; number from the engine.
pub(crate) const VNIC_PROFILE_REMOVED: u32 = 1126;
/// `USER_ADD_CLUSTER`
pub(crate) const CLUSTER_ADDED: u32 = 809;
/// `USER_UPDATE_CLUSTER`
pub(crate) const CLUSTER_UPDATED: u32 = 811;
/// `USER_REMOVE_CLUSTER`
pub(crate) const CLUSTER_REMOVED: u32 = 813;
/// `USER_ADD_STORAGE_POOL`
pub(crate) const DATA_CENTER_ADDED: u32 = 950;
/// `USER_UPDATE_STORAGE_POOL`
pub(crate) const DATA_CENTER_UPDATED: u32 = 952;
/// `USER_REMOVE_STORAGE_POOL`
pub(crate) const DATA_CENTER_REMOVED: u32 = 954;
/// `USER_UPDATE_STORAGE_DOMAIN`
pub(crate) const STORAGE_DOMAIN_UPDATED: u32 = 958;
/// `USER_ADD_VM_TEMPLATE_SUCCESS`
pub(crate) const TEMPLATE_ADDED_AT_ONCE: u32 = 29;
/// `USER_ADD_VM_TEMPLATE`
pub(crate) const TEMPLATE_ADD_STARTED: u32 = 48;
/// `USER_ADD_VM_TEMPLATE_FINISHED_SUCCESS`
pub(crate) const TEMPLATE_ADDED: u32 = 51;
/// `USER_ADD_VM_TEMPLATE_FINISHED_FAILURE`
pub(crate) const TEMPLATE_ADD_FAILED: u32 = 52;
/// `USER_REMOVE_VM_TEMPLATE`
pub(crate) const TEMPLATE_REMOVE_STARTED: u32 = 50;
/// `USER_REMOVE_VM_TEMPLATE_FINISHED`
pub(crate) const TEMPLATE_REMOVED: u32 = 251;
/// `USER_FAILED_REMOVE_VM_TEMPLATE`
pub(crate) const TEMPLATE_REMOVE_FAILED: u32 = 110;
/// `USER_FAILED_UPDATE_VM`
pub(crate) const VM_UPDATE_FAILED: u32 = 58;
/// `USER_ADD_VM_POOL_WITH_VMS`
pub(crate) const POOL_ADDED: u32 = 302;
/// `USER_UPDATE_VM_POOL_WITH_VMS`
pub(crate) const POOL_UPDATED: u32 = 344;
/// `USER_REMOVE_VM_POOL_INITIATED`
pub(crate) const POOL_REMOVE_STARTED: u32 = 321;
/// `USER_REMOVE_VM_POOL`
pub(crate) const POOL_REMOVED: u32 = 304;
/// `USER_REMOVE_VM_FROM_POOL`
pub(crate) const POOL_VM_DETACHED: u32 = 308;
/// `USER_ATTACH_USER_TO_VM_FROM_POOL`
pub(crate) const POOL_VM_GIVEN: u32 = 316;
/// `USER_DETACH_USER_FROM_POOL`
pub(crate) const POOL_VM_RETURNED: u32 = 312;
/// `USER_UPDATE_VM_TEMPLATE`
pub(crate) const TEMPLATE_UPDATED: u32 = 49;
/// `USER_UPDATE_TAG`
pub(crate) const TAG_UPDATED: u32 = 430;
/// `USER_ADD_TAG`
pub(crate) const TAG_ADDED: u32 = 432;
/// `USER_REMOVE_TAG`
pub(crate) const TAG_REMOVED: u32 = 434;
/// `USER_ATTACH_TAG_TO_VM`
pub(crate) const TAG_ATTACHED_TO_VM: u32 = 440;
/// `USER_DETACH_VM_FROM_TAG`
pub(crate) const TAG_DETACHED_FROM_VM: u32 = 446;
/// `USER_ATTACH_TAG_TO_USER`
pub(crate) const TAG_ATTACHED_TO_USER: u32 = 436;
/// `USER_DETACH_USER_FROM_TAG`
pub(crate) const TAG_DETACHED_FROM_USER: u32 = 448;
/// `USER_ATTACH_TAG_TO_USER_GROUP`
pub(crate) const TAG_ATTACHED_TO_GROUP: u32 = 438;
/// `USER_DETACH_USER_GROUP_FROM_TAG`
pub(crate) const TAG_DETACHED_FROM_GROUP: u32 = 450;
/// `USER_ATTACH_TAG_TO_VDS`
pub(crate) const TAG_ATTACHED_TO_HOST: u32 = 442;
/// `USER_DETACH_VDS_FROM_TAG`
pub(crate) const TAG_DETACHED_FROM_HOST: u32 = 444;
/// `USER_ATTACH_TAG_TO_TEMPLATE`
pub(crate) const TAG_ATTACHED_TO_TEMPLATE: u32 = 183;
/// `USER_DETACH_TEMPLATE_FROM_TAG`
pub(crate) const TAG_DETACHED_FROM_TEMPLATE: u32 = 185;
/// `USER_ADD`
pub(crate) const USER_ADDED: u32 = 149;
/// `USER_REMOVE_ADUSER`
pub(crate) const USER_REMOVED: u32 = 325;
/// `USER_UPDATE_PROFILE`
pub(crate) const USER_UPDATED: u32 = 872;
/// `USER_REMOVE_AD_GROUP`
pub(crate) const GROUP_REMOVED: u32 = 408;
/// `USER_ADD_PERMISSION`
pub(crate) const PERMISSION_ADDED: u32 = 850;
/// `USER_REMOVE_PERMISSION`
pub(crate) const PERMISSION_REMOVED: u32 = 852;
/// `USER_ADD_SYSTEM_PERMISSION`
pub(crate) const SYSTEM_PERMISSION_ADDED: u32 = 866;
/// `USER_REMOVE_SYSTEM_PERMISSION`
pub(crate) const SYSTEM_PERMISSION_REMOVED: u32 = 868;
/// `USER_ADD_ROLE`
pub(crate) const ROLE_ADDED: u32 = 854;
/// `USER_UPDATE_ROLE`
pub(crate) const ROLE_UPDATED: u32 = 856;
/// `USER_REMOVE_ROLE`
pub(crate) const ROLE_REMOVED: u32 = 858;
/// `USER_REMOVE_AUDIT_LOG`
pub(crate) const EVENT_REMOVED: u32 = 10600;
/// `USER_ADD_EXTERNAL_JOB`
pub(crate) const EXTERNAL_JOB_ADDED: u32 = 11000;
/// Not in the seed; number from the engine.
pub(crate) const EXTERNAL_EVENT: u32 = 9801;
/// Not in the seed; number from the engine.
pub(crate) const HA_VM_FAILED: u32 = 9602;
/// Not in the seed; number from the engine.
pub(crate) const HA_VM_RESTART_FAILED: u32 = 9603;
/// Not in the seed; a number of our own, above the engine's.
pub(crate) const EXTERNAL_VM_FOUND: u32 = 20101;
/// Not in the seed; a number of our own, above the engine's.
pub(crate) const VM_ADOPTION_STARTED: u32 = 20102;
/// Not in the seed; a number of our own, above the engine's.
pub(crate) const VM_ADOPTED: u32 = 20103;
/// Not in the seed; a number of our own, above the engine's.
pub(crate) const VM_ADOPTION_FAILED: u32 = 20104;
/// `USER_FAILED_TO_FREEZE_VM`
pub(crate) const VM_FREEZE_FAILED: u32 = 10769;
/// `USER_FAILED_TO_THAW_VM`
pub(crate) const VM_THAW_FAILED: u32 = 10770;
/// Not in the seed; number from the engine.
pub(crate) const VM_FROZEN: u32 = 10767;
/// Not in the seed; number from the engine.
pub(crate) const VM_THAWED: u32 = 10768;
/// `VM_CONSOLE_CONNECTED`
pub(crate) const CONSOLE_CONNECTED: u32 = 167;
/// `VM_CONSOLE_DISCONNECTED`
pub(crate) const CONSOLE_DISCONNECTED: u32 = 168;
/// `VM_SET_TICKET`
pub(crate) const CONSOLE_TICKET: u32 = 164;
/// Not in the seed; number from the engine.
pub(crate) const TRANSFER_STARTED: u32 = 1031;
/// Not in the seed; number from the engine.
pub(crate) const TRANSFER_DONE: u32 = 1032;
/// Not in the seed; number from the engine.
pub(crate) const TRANSFER_CANCELLED: u32 = 1033;
/// Not in the seed; number from the engine.
pub(crate) const TRANSFER_FAILED: u32 = 1034;
/// `VDS_HOST_NOT_RESPONDING_CONNECTING`
pub(crate) const HOST_CONNECTING: u32 = 9008;
/// `VDS_HOST_NOT_RESPONDING`
pub(crate) const HOST_NOT_RESPONDING: u32 = 9027;
/// `IRS_DISK_SPACE_LOW`
pub(crate) const STORAGE_LOW: u32 = 26;
/// Not in the seed; number from the engine.
pub(crate) const STARTED: u32 = 1;
/// `USER_CREATE_SNAPSHOT`
pub(crate) const SNAPSHOT_ADD: u32 = 45;
/// `USER_CREATE_SNAPSHOT_FINISHED_SUCCESS`
pub(crate) const SNAPSHOT_ADDED: u32 = 68;
/// `USER_CREATE_SNAPSHOT_FINISHED_FAILURE`
pub(crate) const SNAPSHOT_ADD_FAILED: u32 = 69;
/// `USER_REMOVE_SNAPSHOT`
pub(crate) const SNAPSHOT_REMOVE: u32 = 342;
/// `USER_REMOVE_SNAPSHOT_FINISHED_SUCCESS`
pub(crate) const SNAPSHOT_REMOVED: u32 = 356;
/// `USER_REMOVE_SNAPSHOT_FINISHED_FAILURE`
pub(crate) const SNAPSHOT_REMOVE_FAILED: u32 = 357;
/// `USER_TRY_BACK_TO_SNAPSHOT`
pub(crate) const SNAPSHOT_PREVIEW: u32 = 46;
/// `USER_TRY_BACK_TO_SNAPSHOT_FINISH_SUCCESS`
pub(crate) const SNAPSHOT_PREVIEWED: u32 = 71;
/// `USER_TRY_BACK_TO_SNAPSHOT_FINISH_FAILURE`
pub(crate) const SNAPSHOT_PREVIEW_FAILED: u32 = 99;
/// `USER_RESTORE_FROM_SNAPSHOT`
pub(crate) const SNAPSHOT_RESTORE: u32 = 47;
/// `USER_RESTORE_FROM_SNAPSHOT_FINISH_SUCCESS`
pub(crate) const SNAPSHOT_RESTORED: u32 = 100;
/// `USER_RESTORE_FROM_SNAPSHOT_FINISH_FAILURE`
pub(crate) const SNAPSHOT_RESTORE_FAILED: u32 = 101;
/// `USER_RUN_VM_FAILURE_STATELESS_SNAPSHOT_LEFT`
pub(crate) const VM_FORGET_FAILED: u32 = 1001;
/// `USER_REMOVE_DISK_INITIATED`
pub(crate) const DISK_REMOVE_STARTED: u32 = 2038;
/// `USER_MOVED_DISK`
pub(crate) const DISK_MOVE: u32 = 2008;
/// `USER_MOVED_DISK_FINISHED_SUCCESS`
pub(crate) const DISK_MOVED: u32 = 2010;
/// `USER_MOVED_DISK_FINISHED_FAILURE`
pub(crate) const DISK_MOVE_FAILED: u32 = 2011;
/// Not in the seed; number from the engine.
pub(crate) const DISK_SPARSIFY: u32 = 1325;
/// Not in the seed; number from the engine.
pub(crate) const DISK_SPARSIFIED: u32 = 1326;
/// Not in the seed; number from the engine.
pub(crate) const DISK_SPARSIFY_FAILED: u32 = 1327;
/// Not in the seed; number from the engine.
pub(crate) const VM_EXPORT: u32 = 1223;
/// Not in the seed; number from the engine.
pub(crate) const VM_EXPORTED: u32 = 1224;
/// Not in the seed; number from the engine.
pub(crate) const VM_EXPORT_FAILED: u32 = 1225;
/// `USER_ADDED_AFFINITY_GROUP`
pub(crate) const AFFINITY_GROUP_ADDED: u32 = 10350;
/// `USER_UPDATED_AFFINITY_GROUP`
pub(crate) const AFFINITY_GROUP_UPDATED: u32 = 10352;
/// `USER_REMOVED_AFFINITY_GROUP`
pub(crate) const AFFINITY_GROUP_REMOVED: u32 = 10354;
/// `USER_ADDED_AFFINITY_LABEL`
pub(crate) const AFFINITY_LABEL_ADDED: u32 = 10380;
/// `USER_UPDATED_AFFINITY_LABEL`
pub(crate) const AFFINITY_LABEL_UPDATED: u32 = 10382;
/// `USER_REMOVED_AFFINITY_LABEL`
pub(crate) const AFFINITY_LABEL_REMOVED: u32 = 10384;
/// `USER_ADD_BOOKMARK`
pub(crate) const BOOKMARK_ADDED: u32 = 350;
/// `USER_UPDATE_BOOKMARK`
pub(crate) const BOOKMARK_UPDATED: u32 = 352;
/// `USER_REMOVE_BOOKMARK`
pub(crate) const BOOKMARK_REMOVED: u32 = 354;
/// `USER_ADD_QUOTA`
pub(crate) const QUOTA_ADDED: u32 = 3000;
/// `USER_UPDATE_QUOTA`
pub(crate) const QUOTA_UPDATED: u32 = 3002;
/// `USER_ADDED_QOS`
pub(crate) const QOS_ADDED: u32 = 10110;
/// `USER_REMOVED_QOS`
pub(crate) const QOS_REMOVED: u32 = 10112;
/// `USER_UPDATED_QOS`
pub(crate) const QOS_UPDATED: u32 = 10114;
/// `USER_ADDED_DISK_PROFILE`
pub(crate) const DISK_PROFILE_ADDED: u32 = 10120;
/// `USER_REMOVED_DISK_PROFILE`
pub(crate) const DISK_PROFILE_REMOVED: u32 = 10122;
/// `USER_UPDATED_DISK_PROFILE`
pub(crate) const DISK_PROFILE_UPDATED: u32 = 10124;
/// `USER_ADDED_CPU_PROFILE`
pub(crate) const CPU_PROFILE_ADDED: u32 = 10130;
/// `USER_REMOVED_CPU_PROFILE`
pub(crate) const CPU_PROFILE_REMOVED: u32 = 10132;
/// `USER_UPDATED_CPU_PROFILE`
pub(crate) const CPU_PROFILE_UPDATED: u32 = 10134;
/// `USER_ADD_CLUSTER_POLICY`
pub(crate) const SCHEDULING_POLICY_ADDED: u32 = 9910;
/// `USER_UPDATE_CLUSTER_POLICY`
pub(crate) const SCHEDULING_POLICY_UPDATED: u32 = 9912;
/// `USER_REMOVE_CLUSTER_POLICY`
pub(crate) const SCHEDULING_POLICY_REMOVED: u32 = 9914;
/// `USER_ADD_STORAGE_DOMAIN`
pub(crate) const STORAGE_DOMAIN_ADDED: u32 = 956;
/// `USER_REMOVE_STORAGE_DOMAIN`
pub(crate) const STORAGE_DOMAIN_REMOVED: u32 = 960;
/// Not in the seed; number from the engine.
pub(crate) const QUOTA_REMOVED: u32 = 3004;
/// Not in the seed; number from the engine.
pub(crate) const QUOTA_EXCEEDED: u32 = 3007;
/// Not in the seed; number from the engine.
pub(crate) const MAC_POOL_ADDED: u32 = 10700;
/// Not in the seed; number from the engine.
pub(crate) const MAC_POOL_UPDATED: u32 = 10702;
/// Not in the seed; number from the engine.
pub(crate) const MAC_POOL_REMOVED: u32 = 10704;
