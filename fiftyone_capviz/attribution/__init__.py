"""Who looks where: words on patches, and tokens of one side by tokens of the other."""
