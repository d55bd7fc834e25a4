//! Where a configuration comes from, and how a part of it changes at run time.

use std::time::Duration;

use super::super::{AllocatorConfig, Config, Origin, Policy, RawAllocator, Salt, Scalar};
use super::TENANT;

#[test]
fn the_search_ends_with_the_demo() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("hopperkv.toml");
    let none = |_: &str| None;
    let load = |path, env| Config::load_beside(directory.path(), path, env);

    assert_eq!(load(None, &none).unwrap(), Config::demo());
    std::fs::write(&file, TENANT).unwrap();
    assert_eq!(load(None, &none).unwrap().origin, Origin::File(file));

    let other = directory.path().join("other.toml");
    std::fs::write(&other, "[limits]\nmax_wait = \"2s\"").unwrap();
    let variable = |name: &str| (name == "HOPPERKV_CONFIG").then(|| other.display().to_string());
    assert_eq!(load(None, &variable).unwrap().limits.max_wait, Duration::from_secs(2));

    let absent = directory.path().join("absent.toml");
    let message = load(Some(&absent), &variable).unwrap_err().to_string();
    assert!(message.contains("absent.toml: cannot read the configuration:"), "{message}");
    assert_eq!(message.lines().count(), 1);
}

#[test]
fn the_demo_is_on_loopback_with_working_passwords() {
    let demo = Config::demo();
    assert!(demo.server.listen.ip().is_loopback() && demo.server.admin.ip().is_loopback());
    assert_eq!(demo.tenants.len(), 3);
    for (tenant, login) in demo.tenants.iter().zip(&demo.demo_logins) {
        assert_eq!(tenant.name, login.tenant);
        assert!(tenant.password.as_ref().unwrap().verify(login.password.as_bytes()));
    }
    assert_eq!(
        demo.summary(),
        "the built-in demo configuration is valid: 3 tenants, 192MiB cache, embedded storage, \
         managed redis, allocator optimum, listen 127.0.0.1:6380 (loopback only)"
    );
}

#[test]
fn an_allocator_change_keeps_what_it_leaves_out() {
    let base = AllocatorConfig::default();
    let change = RawAllocator { policy: Some(Scalar::from("drf")), ..RawAllocator::default() };
    let changed = change.validate(&base).unwrap();
    assert_eq!(changed, AllocatorConfig { policy: Policy::Drf, ..base.clone() });
    assert_eq!(changed.to_raw().validate(&base).unwrap(), changed);
    let change = RawAllocator { salt: Some(Scalar::Float(0.02)), ..RawAllocator::default() };
    let salted = change.validate(&base).unwrap();
    assert_eq!((base.salt, salted.salt), (Salt::Auto, Salt::Fixed(0.02)));
    assert_eq!(salted.to_raw().validate(&base).unwrap(), salted);
    assert_eq!(base.to_raw().validate(&salted).unwrap(), base);
    let wrong = RawAllocator { apply: Some(Scalar::from("slow")), ..RawAllocator::default() };
    assert_eq!(
        wrong.validate(&base).unwrap_err().to_string(),
        r#"[allocator] apply = "slow": must be one of "gradual", "direct", "boost""#
    );
}
