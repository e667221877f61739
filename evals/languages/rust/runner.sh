#!/bin/sh
# Started by cargo in place of each test program, with cargo's own environment and folder:
#   runner.sh REPORTS MODE PROGRAM ARGUMENTS...
# Writes NAME.out (what the program printed), NAME.log (libtest's own list of outcomes) and
# NAME.status (the exit status) into REPORTS, where NAME is the program's file name. A file
# NAME.custom says that the program is no libtest harness; NAME.only lists the tests to run;
# NAME.plain says that the program's code reads its arguments, so that it gets none but cargo's.
reports=$1 mode=$2 program=$3
shift 3
# A documentation test is the business of rustdoc, which reads what it prints.
case $program in */rustdoctest*) exec "$program" "$@" ;; esac
name=$reports/$(basename "$program")
ours=yes
if [ -f "$name.custom" ] || [ -f "$name.plain" ]; then ours=no; fi
if [ -f "$reports/ONLY" ]; then
  [ -f "$name.only" ] || exit 0
  if [ "$ours" = yes ]; then
    set -- "$@" --exact
    while IFS= read -r test; do set -- "$@" "$test"; done <"$name.only"
  fi
fi
if [ "$mode" = times ] && [ "$ours" = yes ]; then
  RUSTC_BOOTSTRAP=1
  export RUSTC_BOOTSTRAP
  set -- "$@" -Zunstable-options --report-time
fi
if [ "$ours" = yes ]; then set -- "$@" --logfile "$name.log"; fi
"$program" "$@" >"$name.out"
status=$?
echo "$status" >"$name.status"
tail -c 20000 "$name.out" >&2
exit "$status"
