#!/bin/bash
# Serves one call of uml_run (uml.sh) on stdin and stdout, inside a UML element:
#     run ID BASE64     runs the decoded shell command with the rest of stdin; keeps its stderr and status
#     status ID         prints that status on a line, then that stderr, and forgets both
IFS= read -r line || exit 0
# shellcheck disable=SC2086
set -- $line
dir=$TB_DIR/run/exec
case $1 in
run)
	command=$(printf '%s' "$3" | base64 -d)
	bash -c "$command" 2> "$dir/$2.err"
	echo $? > "$dir/$2.status"
	;;
status)
	cat "$dir/$2.status" "$dir/$2.err"
	rm -f "$dir/$2.status" "$dir/$2.err"
	;;
esac
