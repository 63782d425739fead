# signald
