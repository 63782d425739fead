# Turns a text file into a C string: one literal per line, so that the schema is built into the library.
# usage: awk -f embed.awk -v name=SYMBOL FILE
BEGIN {
	print "/* Generated. The text is the schema's own file. */"
	print "#include \"contracts/internal.h\""
	print ""
	print "const char " name "[] ="
}
{
	gsub(/\\/, "&&")
	gsub(/"/, "\\\"")
	gsub(/\t/, "\\t")
	print "\t\"" $0 "\\n\""
}
END {
	print "\t;"
	print "const unsigned long " name "_len = sizeof(" name ") - 1;"
}
