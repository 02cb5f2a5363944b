package main

import (
	"github.com/spf13/cobra"

	"github.com/pbx-interlink/interlink/provision"
)

func openapiCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "openapi",
		Short: "Print the OpenAPI document of the API",
		Long: "Print the OpenAPI 3.1 document of the API, to make clients from. It is the one that\n" +
			"a running gateway serves at /openapi.json; no gateway is needed for this.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			document, err := provision.Document()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(append(document, '\n'))
			return err
		},
	}
}
