#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used)]
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let t = std::time::Instant::now();
    let mut inv = harness::db::Invocation::default();
    if let Some(f) = args.get(2) {
        let v: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(f).unwrap()).unwrap();
        inv.target = v["target"].as_object().unwrap().clone().into_iter().collect();
        inv.env = v["env"].as_object().unwrap().iter().map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned())).collect();
        inv.vars = v["vars"].as_object().unwrap().clone().into_iter().collect();
    }
    let out = harness::session::on_large_stacks(0, || {
        let s = harness::session::Session::load(harness::db::Database::default(), &harness::files::Disk::new(std::path::Path::new(&args[1])), Default::default(), inv);
        eprintln!("load {:?}", t.elapsed());
        s.prefetch();
        eprintln!("prefetch {:?}", t.elapsed());
        for p in harness::project::packages::dbt_packages(&s.db) { if p == s.project.root(&s.db) { for n in harness::project::nodes::nodes_of_package(&s.db, p) {
            for e in &harness::project::nodes::rendering(&s.db, n).errors { eprintln!("{} {:?}", n.file(&s.db).path(&s.db), e); }
        }}}
        harness::report::manifest::render(&s.db)
    }).unwrap();
    eprintln!("total {:?}", t.elapsed());
    println!("{out}");
}
