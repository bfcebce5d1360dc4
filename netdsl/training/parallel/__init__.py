"""Several processes that train one network as one would: the launcher's word, the group, the engines."""
