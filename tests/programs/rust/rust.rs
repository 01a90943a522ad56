// A Rust program: panics that unwind, thread-local variables, threads, generic code in several crates.
//#Config:default

//#Config:optimised
//#CompArgs:-O -C debuginfo=0

//#Config:debug
//#CompArgs:-g
//#ExpectReadelf:-S:\.debug_info

//#Config:static-relocation
//#CompArgs:-C relocation-model=static

//#Config:stripped
//#CompArgs:-C strip=symbols
//#NoSection:.symtab

//#Config:musl
//#RequiresRustMusl:true
//#CompArgs:--target=x86_64-unknown-linux-musl
use std::cell::Cell;
use std::collections::HashMap;

thread_local!(static COUNT: Cell<i32> = Cell::new(1));

fn main() {
    let handle = std::thread::spawn(|| {
        COUNT.with(|count| count.set(count.get() + 1));
        COUNT.with(|count| count.get())
    });
    let caught = std::panic::catch_unwind(|| {
        if std::env::args().count() > 0 {
            panic!("expected");
        }
    });
    let mut map = HashMap::new();
    map.insert("forty", 40);
    let two = handle.join().unwrap();
    let one = COUNT.with(|count| count.get());
    let ok = caught.is_err() && one == 1;
    std::process::exit(if ok { map["forty"] + two } else { 1 });
}
