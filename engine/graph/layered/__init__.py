"""The layered layout: data flows down, grouped by module call, each level laid out once per shape."""
