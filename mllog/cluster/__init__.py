"""The way into a cluster: credentials, addresses, and one connection each to Elasticsearch and to Kibana."""
