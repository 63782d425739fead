#!/bin/bash
# Serves one call of uml_run (uml.sh) on stdin and stdout, inside a UML element:
#     run ID COMMAND    runs the command (quoted for bash, hence one line) with the rest of stdin; keeps stderr and status
#     status ID         prints that status on a line, then that stderr, and forgets both
# Processes are dear in user-mode-linux: this starts as few as it can.
IFS=' ' read -r what id command || exit 0
file=$TB_DIR/run/exec/$id
case $what in
run)
	(eval "exec $command") 2> "$file.err"
	echo $? > "$file.status"
	;;
status)
	echo "$(< "$file.status")"
	[ ! -s "$file.err" ] || cat "$file.err"
	exec > /dev/null < /dev/null
	rm -f "$file.status" "$file.err"
	;;
esac
