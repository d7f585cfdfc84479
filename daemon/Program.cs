using Cstor.Daemon.Cli;

return await CommandLine.RunAsync(args, CliContext.Process());
