module mllog/tests/parser

go 1.22

require github.com/breml/logstash-config v0.5.3
