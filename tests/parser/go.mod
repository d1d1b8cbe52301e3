module mllog/tests/parser

go 1.19

require github.com/breml/logstash-config v0.5.3
