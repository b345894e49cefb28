set -eu
[ "$(sh deploy/deploy.sh v1.2)" = production/v1.2 ]
[ "$(sh deploy/deploy.sh main)" = staging/main ]
