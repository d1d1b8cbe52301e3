module mllog/tests/readers/logstash

go 1.23

require github.com/breml/logstash-config v0.5.3
