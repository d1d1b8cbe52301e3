// Loads a compose file as `docker compose config` does: schema, interpolation, and what refers to what.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	options, err := cli.NewProjectOptions(
		os.Args[2:], cli.WithEnvFiles(os.Args[1]), cli.WithDotEnv, cli.WithInterpolation(true), cli.WithConsistency(true),
	)
	if err == nil {
		var project, problem = options.LoadProject(context.Background())
		if err = problem; err == nil {
			fmt.Printf("%d services\n", len(project.Services))
			return
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
