"""Files from the network: mirrors, resumption, hashes, a shared cache, archives unpacked safely.

Owns: addresses (`addresses`, `listing`), the download (`web`, `partial`), the cache (`store`), one
file from any of its places (`retrieve`), unpacking (`members`, `unpacking`), and putting what came
in its place (`placing`). Knows nothing of projects, bundles or footprints.
"""
