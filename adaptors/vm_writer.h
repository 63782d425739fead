/*
 * Short words for libxml2's writer, for the files that write domain XML.
 */
#ifndef ICORP_ADAPTOR_VM_WRITER_H
#define ICORP_ADAPTOR_VM_WRITER_H

#include <libxml/xmlwriter.h>
#include <stdint.h>
#include <stdio.h>

static inline void start(xmlTextWriter *x, const char *name)
{
	xmlTextWriterStartElement(x, BAD_CAST name);
}

static inline void end(xmlTextWriter *x)
{
	xmlTextWriterEndElement(x);
}

static inline void attr(xmlTextWriter *x, const char *name, const char *value)
{
	xmlTextWriterWriteAttribute(x, BAD_CAST name, BAD_CAST value);
}

static inline void attr_uint(xmlTextWriter *x, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	attr(x, name, text);
}

static inline void text_element(xmlTextWriter *x, const char *name, const char *text)
{
	xmlTextWriterWriteElement(x, BAD_CAST name, BAD_CAST text);
}

static inline void uint_element(xmlTextWriter *x, const char *name, const char *unit, uint64_t value)
{
	start(x, name);
	if (unit)
		attr(x, "unit", unit);
	xmlTextWriterWriteFormatString(x, "%llu", (unsigned long long)value);
	end(x);
}

/* <NAME ATTRIBUTE="VALUE"/> */
static inline void empty(xmlTextWriter *x, const char *name, const char *attribute, const char *value)
{
	start(x, name);
	if (attribute)
		attr(x, attribute, value);
	end(x);
}

#endif
