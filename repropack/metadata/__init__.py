"""What a bundle and a verification say of themselves in the formats that archives ask for.

Owns: RO-Crate (`rocrate`, `runcrate`), the list of packages (`sbom`, `licences`), where an image
comes from (`provenance`), citation (`citation`), SWHIDs (`swhid`). Values in, JSON values or text
out. Does not own: where the files go (`bundle`, `runs`), what the repository says (`about`).
"""
