#!/bin/sh
# Says where a version would be deployed to.
set -eu

version=${1:?a version}
case $version in
v[0-9]*) echo "production/$version" ;;
*) echo "staging/$version" ;;
esac
