// Reads Logstash configuration with a parser that is not ours: each file by itself, as Logstash would after joining them.
package main

import (
	"fmt"
	"os"

	config "github.com/breml/logstash-config"
)

func main() {
	failed := len(os.Args) < 2
	for _, path := range os.Args[1:] {
		text, err := os.ReadFile(path)
		if err == nil {
			_, err = config.Parse(path, text)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
	fmt.Printf("%d files are read\n", len(os.Args)-1)
}
