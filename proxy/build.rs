//! Has a release built again when the admin page was: its files are part of the program. Other profiles read them when they run.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        return;
    }
    // Cargo takes a path that does not exist for one that changes all the time.
    for folder in ["../admin-ui/dist", "../admin-ui"] {
        if std::path::Path::new(folder).is_dir() {
            println!("cargo:rerun-if-changed={folder}");
            return;
        }
    }
}
