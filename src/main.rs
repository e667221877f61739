//! The `factory` command.

use factory::cli::{self, Exit};

fn main() -> Exit {
    cli::main(std::env::args_os())
}
