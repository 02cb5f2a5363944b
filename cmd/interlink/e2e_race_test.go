//go:build race

package main

// raceDetector tells whether the tests were built with it; the gateway they run
// then is too.
const raceDetector = true
